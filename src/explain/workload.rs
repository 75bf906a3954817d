//! The kinds of object that make Pods, and how a user names one.

use std::str::FromStr;

/// A kind of object with a template for Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    ReplicationController,
    Job,
    CronJob,
}

impl WorkloadKind {
    pub(crate) const ALL: [WorkloadKind; 7] = [
        WorkloadKind::Deployment,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
        WorkloadKind::ReplicaSet,
        WorkloadKind::ReplicationController,
        WorkloadKind::Job,
        WorkloadKind::CronJob,
    ];

    /// The kind, as in a manifest.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "Deployment",
            WorkloadKind::StatefulSet => "StatefulSet",
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::ReplicaSet => "ReplicaSet",
            WorkloadKind::ReplicationController => "ReplicationController",
            WorkloadKind::Job => "Job",
            WorkloadKind::CronJob => "CronJob",
        }
    }

    /// The names by which kubectl knows it: in lower case the kind, its plural and its short name.
    const fn names(self) -> &'static [&'static str] {
        match self {
            WorkloadKind::Deployment => &["deployment", "deployments", "deploy"],
            WorkloadKind::StatefulSet => &["statefulset", "statefulsets", "sts"],
            WorkloadKind::DaemonSet => &["daemonset", "daemonsets", "ds"],
            WorkloadKind::ReplicaSet => &["replicaset", "replicasets", "rs"],
            WorkloadKind::ReplicationController => &["replicationcontroller", "replicationcontrollers", "rc"],
            WorkloadKind::Job => &["job", "jobs"],
            WorkloadKind::CronJob => &["cronjob", "cronjobs", "cj"],
        }
    }

    /// The path of its API group.
    pub(crate) const fn group_path(self) -> &'static str {
        match self {
            WorkloadKind::ReplicationController => "/api/v1",
            WorkloadKind::Job | WorkloadKind::CronJob => "/apis/batch/v1",
            _ => "/apis/apps/v1",
        }
    }

    /// Its name in a path.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "deployments",
            WorkloadKind::StatefulSet => "statefulsets",
            WorkloadKind::DaemonSet => "daemonsets",
            WorkloadKind::ReplicaSet => "replicasets",
            WorkloadKind::ReplicationController => "replicationcontrollers",
            WorkloadKind::Job => "jobs",
            WorkloadKind::CronJob => "cronjobs",
        }
    }

    /// What `kubectl rollout restart` takes for it.
    pub(crate) fn restarted(self, name: &str) -> Option<String> {
        match self {
            WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
                Some(format!("{}/{name}", self.name().to_ascii_lowercase()))
            }
            _ => None,
        }
    }

    /// The kind of an object with this API version and kind.
    pub(crate) fn of(api_version: &str, kind: &str) -> Option<Self> {
        let found = WorkloadKind::ALL.into_iter().find(|known| known.name() == kind)?;
        let group = match found.group_path() {
            "/api/v1" => "v1",
            "/apis/batch/v1" => "batch/",
            _ => "apps/",
        };
        api_version.starts_with(group).then_some(found)
    }
}

/// An object that a user names: `NAME`, `pod/NAME` or `KIND/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Pod(String),
    Workload(WorkloadKind, String),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('/').unwrap_or(("pod", text));
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        let begins_and_ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if name.len() > 253
            || !name.bytes().all(is_allowed)
            || !name.starts_with(begins_and_ends)
            || !name.ends_with(begins_and_ends)
        {
            return Err("a name has at most 253 lowercase letters, digits, hyphens and dots");
        }
        let kind = kind.to_ascii_lowercase();
        // As in kubectl, a kind can be followed by its group: deployments.apps/web.
        let kind = kind.split_once('.').map_or(kind.as_str(), |(kind, _)| kind);
        if ["pod", "pods", "po"].contains(&kind) {
            return Ok(Target::Pod(name.to_owned()));
        }
        let known = WorkloadKind::ALL.into_iter().find(|known| known.names().contains(&kind));
        known.map(|kind| Target::Workload(kind, name.to_owned())).ok_or(
            "the kinds are pod, deployment, statefulset, daemonset, replicaset, replicationcontroller, job and cronjob",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_in_kubectl() {
        for (text, kind) in [
            ("deploy/web", WorkloadKind::Deployment),
            ("Deployment/web", WorkloadKind::Deployment),
            ("deployments.apps/web", WorkloadKind::Deployment),
            ("sts/web", WorkloadKind::StatefulSet),
            ("ds/web", WorkloadKind::DaemonSet),
            ("rs/web", WorkloadKind::ReplicaSet),
            ("rc/web", WorkloadKind::ReplicationController),
            ("jobs/web", WorkloadKind::Job),
            ("cj/web", WorkloadKind::CronJob),
        ] {
            assert_eq!(text.parse(), Ok(Target::Workload(kind, "web".to_owned())), "{text}");
        }
        for text in ["web-0", "po/web-0", "pods/web-0"] {
            assert_eq!(text.parse(), Ok(Target::Pod("web-0".to_owned())));
        }
        for text in ["secret/web", "pod/", "", "../web", "a b", "Web", "deploy/a/b"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_kind_counts_in_its_own_group() {
        assert_eq!(WorkloadKind::of("apps/v1", "Deployment"), Some(WorkloadKind::Deployment));
        assert_eq!(WorkloadKind::of("batch/v1beta1", "CronJob"), Some(WorkloadKind::CronJob));
        assert_eq!(WorkloadKind::of("example.com/v1", "Deployment"), None);
    }
}
