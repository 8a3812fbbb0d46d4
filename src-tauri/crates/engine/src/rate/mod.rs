//! How much may be sent, and when. Pure: time is an argument.
//!
//! [`BandwidthEstimator`] says how many bits the path carries; one per connection, fed by the
//! connection's RTCP. [`Place`] says what each of many viewers gets of one encoding, [`split`] what
//! camera and screen get of one connection. [`Pacer`] spreads what an encoder makes at once over time; one per encoding
//! and connection, asked by the connection's sending task.

mod audience;
mod estimator;
mod meter;
mod pacer;
mod split;
mod spread;
mod train;
mod trend;

pub use audience::{Patience, Place, Rung, large_target};
pub use estimator::{BandwidthEstimator, MIN_BITRATE, PacketResult, START_BITRATE};
pub use meter::RateMeter;
pub use pacer::{Admission, Pacer};
pub use split::{Split, split};
pub use spread::Spread;
