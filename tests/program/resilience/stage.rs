//! What every test here begins with: a Deployment of two replicas, as far as a Deployment goes without nodes.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::cluster::cluster;
use crate::support::certificate::{Authority, Pair};
use crate::support::eventually;
use crate::support::regcred::{Left, Regcred, Serve};
use crate::support::volume::Volume;

use super::balancer::{Balancer, Network, Number};
use super::load::{Load, Rate};
use super::registration::Registration;

/// How long everything takes.
#[derive(Clone, Copy)]
pub struct Pace {
    pub network: Network,
    pub drain_delay: &'static str,
    pub reload_interval: &'static str,
    /// The webhooks' own.
    pub timeout: Duration,
    pub rate: Rate,
    /// So many writes are to end between two events.
    pub between: usize,
}

impl Pace {
    /// For `cargo test`: seconds.
    pub const QUICK: Pace = Pace {
        network: Network::QUICK,
        drain_delay: "2s",
        reload_interval: "1s",
        // A machine that compiles beside the tests may be slow; that is not what is tested.
        timeout: Duration::from_secs(30),
        rate: Rate { workers: 6, per_second: 60, at_once: false },
        between: 40,
    };

    /// As shipped: minutes.
    pub const SHIPPED: Pace = Pace {
        network: Network::SHIPPED,
        drain_delay: "5s",
        reload_interval: "10s",
        timeout: Duration::from_secs(5),
        rate: Rate { workers: 12, per_second: 100, at_once: false },
        between: 1000,
    };

    /// With several connections to each replica.
    pub fn in_bursts(self) -> Pace {
        Pace { rate: Rate { at_once: true, ..self.rate }, ..self }
    }
}

/// Replicas behind a balancer, registered with the API server.
pub struct Stage {
    pub pace: Pace,
    pub authority: Authority,
    pub certificate: Volume,
    pub policy: Volume,
    pub balancer: Balancer,
    pub registration: Registration,
    pub replicas: Vec<Replica>,
    folder: TempDir,
}

/// A replica that takes part.
pub struct Replica {
    pub regcred: Regcred,
    pub number: Number,
}

/// A policy with this line in it. What the mutating webhook was not asked about is stored as it is, and seen there.
pub fn policy(line: &str) -> String {
    format!("apiVersion: regcred/v1\nkind: Policy\nrules: {{missing-auth: warn}}\n{line}\n")
}

pub fn files(pair: &Pair) -> [(&str, &str); 2] {
    [("tls.crt", &pair.certificate), ("tls.key", &pair.key)]
}

impl Stage {
    /// Two replicas, and webhooks that reach both.
    #[track_caller]
    pub fn set(name: &str, pace: Pace) -> Self {
        let folder = tempfile::Builder::new().prefix("regcred-stage-").tempdir().unwrap();
        let authority = Authority::new();
        authority.write(&folder.path().join("ca.crt"));
        let certificate = Volume::new(folder.path().join("tls"), &files(&authority.issue()));
        let policy = Volume::new(folder.path().join("policy"), &[("policy.yaml", &policy(""))]);
        let balancer = Balancer::start(pace.network);
        let registration =
            Registration::install(cluster(), name, &balancer, &authority.certificate, pace.timeout);
        let mut stage = Stage {
            pace,
            authority,
            certificate,
            policy,
            balancer,
            registration,
            replicas: Vec::new(),
            folder,
        };
        for _ in 0..2 {
            let replica = stage.replica();
            stage.balancer.wait_until(replica.number, true);
            stage.replicas.push(replica);
        }
        stage
    }

    /// One more replica, ready.
    #[track_caller]
    pub fn replica(&self) -> Replica {
        let path = |volume: &Volume, name: &str| -> PathBuf { volume.path(name) };
        let ca = self.folder.path().join("ca.crt");
        let regcred = Serve::new()
            .certificate(&path(&self.certificate, "tls.crt"), &path(&self.certificate, "tls.key"), &ca)
            .args(["--drain-delay", self.pace.drain_delay, "--reload-interval", self.pace.reload_interval])
            .arg("--policy")
            .arg(path(&self.policy, "policy.yaml"))
            .start();
        let number = self.balancer.add(&regcred);
        Replica { regcred, number }
    }

    /// Begins to write, and waits until the load runs evenly.
    #[track_caller]
    pub fn load(&self) -> Load {
        let load = Load::start(cluster().api(), &self.registration.namespace.name, self.pace.rate, "load");
        load.wait_for(self.pace.between);
        load
    }

    /// Lets the API server connect anew, which an open connection never shows, and write for a while on connections to
    /// every replica.
    #[track_caller]
    pub fn recovers(&mut self, load: &Load) {
        let bundle = self.authority.certificate.clone();
        self.writes_on_new_connections(load, &bundle);
    }

    /// The same, trusting another bundle of CAs.
    #[track_caller]
    pub fn writes_on_new_connections(&mut self, load: &Load, bundle: &str) {
        let opened = |stage: &Stage| -> Vec<usize> {
            stage.replicas.iter().map(|replica| stage.balancer.traffic(replica.number).opened).collect()
        };
        let before = opened(self);
        self.registration.trust(bundle);
        load.wait_for(self.pace.between);
        let after = opened(self);
        let each = before.iter().zip(&after).all(|(before, after)| after > before);
        assert!(each, "the API server went on with its old connections: {before:?}, {after:?}");
    }

    /// What a Deployment does for each replica at a roll-out: a new one, ready, in the place of the oldest. Gives
    /// back what the old one left.
    #[track_caller]
    pub fn replace_oldest(&mut self) -> Left {
        let old = self.relieve_oldest();
        old.regcred.stop()
    }

    /// The same, up to the moment in which the old one is told to end.
    #[track_caller]
    pub fn relieve_oldest(&mut self) -> Replica {
        let new = self.replica();
        self.replicas.push(new);
        let old = self.replicas.remove(0);
        self.balancer.withdraw(old.number);
        old
    }

    /// Waits until every replica has counted something, in a series that begins at 0.
    #[track_caller]
    pub fn counted(&self, series: &str, before: &[f64]) {
        for (replica, before) in self.replicas.iter().zip(before) {
            eventually(series, || replica.regcred.metric(series).filter(|count| count > before));
        }
    }

    /// What every replica has counted.
    #[track_caller]
    pub fn count(&self, series: &str) -> Vec<f64> {
        self.replicas.iter().map(|replica| replica.regcred.metric(series).unwrap()).collect()
    }

    /// Does something that every replica is to notice, and waits until each has counted it.
    #[track_caller]
    pub fn noticed(&mut self, series: &str, change: impl FnOnce(&mut Self)) {
        let before = self.count(series);
        change(self);
        self.counted(series, &before);
    }
}
