//! How many requests each route answered, and how.
//!
//! The table of routes is also the table of metric labels, so neither a path nor a status from
//! outside ever becomes a label.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::message::Method;

macro_rules! routes {
    ($($variant:ident $method:ident $path:literal;)+) => {
        /// What a request can be for. `Unknown` is every other method and path.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Route { $($variant,)+ Unknown }

        impl Route {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+ Self::Unknown];

            pub fn of(method: Method, path: &str) -> Self {
                match (method, path) {
                    $((Method::$method, $path) => Self::$variant,)+
                    (Method::Get | Method::Post | Method::Other, _) => Self::Unknown,
                }
            }

            /// The label in `/metrics`.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $path,)+
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

routes! {
    Hello Post "/v1/agents/hello";
    Config Get "/v1/agents/config";
    Heartbeat Post "/v1/agents/heartbeat";
    Events Post "/v1/events";
    Status Get "/v1/status";
    Healthz Get "/healthz";
    Readyz Get "/readyz";
    Metrics Get "/metrics";
}

/// Every status an answer can have.
pub const STATUSES: [u16; 8] = [200, 304, 400, 404, 413, 422, 500, 503];

/// What became of connections that were in the way.
#[derive(Debug, Default)]
pub struct Connections {
    evicted: AtomicU64,
    starved: AtomicU64,
}

impl Connections {
    /// So many were closed to make room.
    pub fn evicted(&self, connections: u64) {
        self.evicted.fetch_add(connections, Ordering::Relaxed);
    }

    /// One could not be accepted for want of descriptors or memory.
    pub fn starved(&self) {
        self.starved.fetch_add(1, Ordering::Relaxed);
    }

    pub fn evicted_total(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub fn starved_total(&self) -> u64 {
        self.starved.load(Ordering::Relaxed)
    }
}

/// Requests answered since the start, by route and status.
#[derive(Debug, Default)]
pub struct Traffic {
    pub connections: Connections,
    answers: [[AtomicU64; STATUSES.len()]; Route::ALL.len()],
}

impl Traffic {
    pub fn count(&self, route: Route, status: u16) {
        let place = STATUSES.iter().position(|known| *known == status);
        debug_assert!(place.is_some(), "{status} is missing in the table");
        if let Some(place) = place {
            self.answers[route as usize][place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Rows that are not zero.
    pub fn rows(&self) -> impl Iterator<Item = (Route, u16, u64)> {
        Route::ALL.iter().flat_map(move |route| {
            let row = &self.answers[*route as usize];
            STATUSES.iter().zip(row).filter_map(move |(status, count)| {
                let count = count.load(Ordering::Relaxed);
                (count > 0).then_some((*route, *status, count))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use tapio_wire::ErrorCode;

    use super::*;

    #[test]
    fn every_status_of_the_wire_is_in_the_table() {
        for code in ErrorCode::ALL {
            assert!(STATUSES.contains(&code.status()), "{}", code.name());
        }
    }

    #[test]
    fn a_known_path_with_another_method_is_unknown() {
        assert_eq!(Route::of(Method::Get, "/v1/status"), Route::Status);
        assert_eq!(Route::of(Method::Post, "/v1/status"), Route::Unknown);
        assert_eq!(Route::of(Method::Other, "/v1/status"), Route::Unknown);
        assert_eq!(Route::of(Method::Get, "/v1/status/"), Route::Unknown);
    }

    #[test]
    fn answers_are_counted_by_route_and_status() {
        let traffic = Traffic::default();
        traffic.count(Route::Config, 304);
        traffic.count(Route::Config, 304);
        traffic.count(Route::Unknown, 404);
        let rows: Vec<_> = traffic.rows().collect();
        assert_eq!(rows, [(Route::Config, 304, 2), (Route::Unknown, 404, 1)]);
    }
}
