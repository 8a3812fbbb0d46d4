//! Those who wait for a seat of a full room.

use std::time::Duration;

use ahoy_contract::ErrorCode;
use ahoy_relay::PerPrefix;
use tokio::time::sleep;

use crate::{
    client::{Running, join},
    limits::{LISTED, behind_proxy, open},
};

#[tokio::test]
async fn who_waits_for_a_seat_is_counted_once_however_often_it_asks() {
    let relay = Running::new(behind_proxy(|limits| {
        limits.joins_per_minute = PerPrefix::of(12);
    }))
    .await;
    let mut host = relay.client().await;
    let room = host.create(1).await;
    let mut guests = Vec::new();
    for _ in 0..7 {
        let mut guest = relay.client().await;
        guest.join(&room).await;
        guests.push(guest);
    }
    // Twelve from one address, as often as each asks while it is patient.
    let headers = [(LISTED, "192.0.2.1")];
    let mut waiting = Vec::new();
    for _ in 0..12 {
        let mut client = open(&relay, &headers).await;
        client.hello().await;
        waiting.push(client);
    }
    for _ in 0..11 {
        for client in &mut waiting {
            client.send(&join(&room)).await;
            assert_eq!(client.error().await, ErrorCode::RoomFull);
        }
        sleep(Duration::from_millis(20)).await;
    }
    let mut one_more = open(&relay, &headers).await;
    one_more.hello().await;
    one_more.send(&join(&room)).await;
    assert_eq!(one_more.error().await, ErrorCode::RateLimited);
    relay.stopped().await;
}
