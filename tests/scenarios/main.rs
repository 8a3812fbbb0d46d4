//! End-to-end scenarios: the real programs, real browsers, real drivers. Each test is named for what a user would
//! see; what a test needs of the machine and does not find, it says.

mod harness;
