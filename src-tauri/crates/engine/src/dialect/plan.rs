//! Who plays which part in which form.

use super::message::{Form, Id};
use crate::call::{Media, Terms};

/// How this end takes part: what `--as` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Both ways, and calls by itself.
    Caller,
    /// Both ways, and never offers first.
    Callee,
    /// One way: from here.
    Send,
    /// One way: to here.
    Receive,
    /// Shows to any number of viewers.
    Broadcaster,
    /// Is shown.
    Viewer,
}

/// Why there is no such call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// Only one form has broadcasts.
    #[error("Broadcasters and viewers are there in the dialect broadcast only.")]
    NoBroadcast,
    /// An offer in form T names whom it is for.
    #[error("Name whom to call by --target.")]
    NoTarget,
    /// No other form names anybody.
    #[error("--target is for the dialect targeted only.")]
    Target,
    /// Own name or target do not fit.
    #[error("A name in the dialect targeted has between 1 and 128 bytes.")]
    Name,
}

/// A call that there can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) form: Form,
    pub(super) part: Part,
    /// Own name; form T only.
    pub(super) name: Option<Id>,
    /// Whom with; form T only.
    pub(super) target: Option<Id>,
}

impl Plan {
    /// A call in this form and part. `name` and `target` are for form T: how this end is called, and whom it calls or
    /// answers to.
    ///
    /// # Errors
    /// There is no such call.
    pub fn new(
        form: Form,
        part: Part,
        name: &str,
        target: Option<&str>,
    ) -> Result<Self, Impossible> {
        let mut plan = Self {
            form,
            part,
            name: None,
            target: None,
        };
        if form != Form::Broadcast && matches!(part, Part::Broadcaster | Part::Viewer) {
            return Err(Impossible::NoBroadcast);
        }
        if form != Form::Targeted {
            return target.map_or(Ok(plan), |_| Err(Impossible::Target));
        }
        plan.name = Some(Id::new(name).ok_or(Impossible::Name)?);
        plan.target = match target {
            Some(target) => Some(Id::new(target).ok_or(Impossible::Name)?),
            None if matches!(part, Part::Caller | Part::Send) => return Err(Impossible::NoTarget),
            None => None,
        };
        Ok(plan)
    }

    /// Whether this end sends media.
    pub fn sends(&self) -> bool {
        !matches!(self.part, Part::Receive | Part::Viewer)
    }

    /// Whether this end receives media.
    pub fn receives(&self) -> bool {
        !matches!(self.part, Part::Send | Part::Broadcaster)
    }

    /// Whether each end sends on a connection of its own.
    pub(super) fn is_mutual(&self) -> bool {
        self.form == Form::Broadcast && matches!(self.part, Part::Caller | Part::Callee)
    }

    /// Whether media is added only where it was asked for by name: in form S the payload is a data channel.
    pub fn is_data_first(&self) -> bool {
        self.form == Form::SocketIo
    }

    /// Whether the other ends have names that are theirs.
    pub fn has_names(&self) -> bool {
        self.form == Form::Targeted || self.part == Part::Broadcaster
    }

    /// What a connection of this call is for.
    pub(super) fn terms(&self, media: Media, offers: bool) -> Terms {
        Terms {
            media,
            channel: (self.form == Form::SocketIo).then_some("channel"),
            // Forms S and T have no message for a candidate, and in form B only who offers has one. A page that hides its
            // addresses behind names could then be found by nobody, did the description not hold this end's.
            trickle: match self.form {
                Form::Ready => true,
                Form::Broadcast => offers,
                Form::SocketIo | Form::Targeted => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        use Impossible::{Name, NoBroadcast, NoTarget, Target};
        let plan = |form, part, target| Plan::new(form, part, "ada", target).err();
        assert_eq!(
            plan(Form::Ready, Part::Broadcaster, None),
            Some(NoBroadcast)
        );
        assert_eq!(plan(Form::SocketIo, Part::Viewer, None), Some(NoBroadcast));
        assert_eq!(plan(Form::Broadcast, Part::Viewer, None), None);
        assert_eq!(
            plan(Form::Broadcast, Part::Caller, Some("bob")),
            Some(Target)
        );
        assert_eq!(plan(Form::Targeted, Part::Caller, None), Some(NoTarget));
        assert_eq!(plan(Form::Targeted, Part::Callee, None), None);
        assert_eq!(plan(Form::Targeted, Part::Send, Some("")), Some(Name));
        assert_eq!(plan(Form::Targeted, Part::Send, Some("bob")), None);
    }
}
