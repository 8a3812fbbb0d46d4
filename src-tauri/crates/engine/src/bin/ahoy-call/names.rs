//! The names that peers have in a dialect: they are printed in the place of the ids that the engine made for them.

use std::collections::BTreeMap;

use ahoy_contract::PeerId;
use serde_json::Value;

/// Names by id, of those who are there.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Names tell the peers apart; otherwise ids do.
    used: bool,
    known: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn new(used: bool) -> Self {
        Self {
            used,
            known: BTreeMap::new(),
        }
    }

    /// Somebody came.
    pub(crate) fn joined(&mut self, peer: &PeerId, name: &str) {
        if self.used && !name.is_empty() {
            self.known.insert(peer.to_string(), name.to_owned());
        }
    }

    /// Somebody is gone.
    pub(crate) fn left(&mut self, peer: &PeerId) {
        self.known.remove(peer.as_str());
    }

    /// Puts names into the `peer`s of an event.
    pub(crate) fn put(&self, mut event: Value) -> Value {
        self.replace(&mut event);
        let peers = event.get_mut("peers").and_then(Value::as_array_mut);
        for peer in peers.into_iter().flatten() {
            self.replace(peer);
        }
        event
    }

    fn replace(&self, value: &mut Value) {
        let id = value.get("peer").and_then(Value::as_str);
        if let Some(name) = id.and_then(|id| self.known.get(id)) {
            value["peer"] = name.clone().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_stands_for_its_id_while_it_is_there() {
        let id: PeerId = "abcdefghij234567".parse().unwrap();
        let event = json!({"event": "connected", "peer": id});
        let stats = json!({"event": "stats", "peers": [{"peer": id}, {"peer": "other"}]});
        let mut names = Names::new(true);
        names.joined(&id, "viewer-1");
        assert_eq!(names.put(event.clone())["peer"], "viewer-1");
        let put = names.put(stats);
        assert_eq!(
            (&put["peers"][0]["peer"], &put["peers"][1]["peer"]),
            (&json!("viewer-1"), &json!("other"))
        );
        names.left(&id);
        assert_eq!(names.put(event.clone()), event);
        let mut unused = Names::default();
        unused.joined(&id, "Ada");
        assert_eq!(unused.put(event.clone()), event);
    }
}
