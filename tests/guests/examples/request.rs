//! Reaches for the network without a grant.

use lockgate_test_guests::http::{Request, send};
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Reach;

impl Hostile for Reach {
    fn run(_: Call) -> Answer {
        send(&Request {
            method: "GET".to_owned(),
            url: "http://169.254.169.254/latest/meta-data/".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        })?;
        Ok(Vec::new())
    }
}

guest!(Reach);
