//! The API server without kubectl between: for what is asked often, or at once by many.

use std::io;

use super::Cluster;
use crate::support::client::{Client, Connection, Response};

/// An API server, asked as its administrator.
#[derive(Clone)]
pub struct Api {
    client: Client,
}

/// One connection to it.
pub struct ApiConnection {
    connection: Connection,
}

impl Cluster {
    pub fn api(&self) -> Api {
        Api { client: self.client().expect("a cluster that is ready") }
    }
}

impl Api {
    pub fn connect(&self) -> io::Result<ApiConnection> {
        Ok(ApiConnection { connection: self.client.try_connect()? })
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: &str) -> Response {
        self.connect().unwrap().request(method, path, "application/json", body).unwrap()
    }

    /// The sum of the series of `metric` whose labels contain `labels`; 0 where there is none yet.
    #[track_caller]
    pub fn metric(&self, metric: &str, labels: &str) -> f64 {
        let answer = self.request("GET", "/metrics", "").text();
        let series = answer.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
        let values = series.filter_map(|rest| {
            let (given, value) = rest.rsplit_once("} ")?;
            given.contains(labels).then(|| value.trim().parse::<f64>().unwrap())
        });
        values.sum()
    }
}

impl ApiConnection {
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> io::Result<Response> {
        let headers = [super::admin(), ("Content-Type", content_type)];
        self.connection.request(method, path, &headers, body.as_bytes())
    }

    /// A request with JSON in the name of another user, who may do everything.
    pub fn request_as(&mut self, user: &str, method: &str, path: &str, body: &str) -> io::Result<Response> {
        let headers = [
            super::admin(),
            ("Content-Type", "application/json"),
            ("Impersonate-User", user),
            ("Impersonate-Group", "system:masters"),
        ];
        self.connection.request(method, path, &headers, body.as_bytes())
    }
}
