//! Failed pulls that were not recorded: the same texts with other objects, less to look at, other runtimes and versions.

use jiff::Timestamp;
use regcred_engine::pull::{
    Cause, Certainty, ContainerFacts, EventFacts, Explanation, PodFacts, PullSecret, SecretFacts, Seen,
    ServiceAccountFacts, Waiting, explain, explain_message, look_up,
};

const NOW: Timestamp = Timestamp::constant(1_795_996_800, 0); // 2026-11-30
const JSON: &str = "kubernetes.io/dockerconfigjson";

const NOTHING_SENT: &str = "failed to pull and unpack image \"r.example.com/team/app:1\": failed to resolve image: pull access denied, \
                            repository does not exist or may require authorization: authorization failed: no basic auth credentials";
const UNAUTHORIZED: &str = "failed to pull and unpack image \"r.example.com/team/app:1\": failed to resolve image: unexpected status \
                            from HEAD request to https://r.example.com/v2/team/app/manifests/1: 401 Unauthorized";
const OAUTH_401: &str = "failed to pull and unpack image \"r.example.com/team/app:1\": failed to resolve image: failed to authorize: \
                         failed to fetch oauth token: unexpected status from GET request to https://auth.example.com/token?scope=x: \
                         401 Unauthorized";

fn secret(name: &str, seen: Seen) -> PullSecret {
    PullSecret { name: name.to_owned(), seen }
}

fn holding(name: &str, secret_type: &str, document: &str) -> PullSecret {
    let facts =
        SecretFacts { secret_type: secret_type.to_owned(), document: Some(document.as_bytes().to_vec()) };
    secret(name, Seen::Present(facts))
}

fn for_host(name: &str, host: &str) -> PullSecret {
    holding(
        name,
        JSON,
        &format!(r#"{{"auths":{{"{host}":{{"username":"robot","password":"made-up-password"}}}}}}"#),
    )
}

fn event(reason: &str, message: &str) -> EventFacts {
    EventFacts { reason: reason.to_owned(), message: message.to_owned() }
}

fn waiting(reason: &str, message: &str) -> Waiting {
    Waiting { reason: reason.to_owned(), message: message.to_owned() }
}

/// A Pod with one container that waits in back-off with this error.
fn pod(error: &str, pull_secrets: Vec<PullSecret>) -> PodFacts {
    let message = format!("Back-off pulling image \"r.example.com/team/app:1\": ErrImagePull: {error}");
    PodFacts {
        namespace: "team-a".to_owned(),
        name: "web".to_owned(),
        pull_secrets,
        containers: vec![ContainerFacts {
            name: "app".to_owned(),
            image: "r.example.com/team/app:1".to_owned(),
            waiting: Some(waiting("ImagePullBackOff", &message)),
            ..ContainerFacts::default()
        }],
        ..PodFacts::default()
    }
}

fn account(pull_secrets: Vec<PullSecret>) -> ServiceAccountFacts {
    ServiceAccountFacts { name: "default".to_owned(), pull_secrets }
}

fn only(pod: &PodFacts) -> Explanation {
    let mut explanations = explain(pod, NOW);
    assert_eq!(explanations.len(), 1);
    explanations.swap_remove(0)
}

fn verdict(pod: &PodFacts) -> (Cause, Certainty) {
    let explanation = only(pod);
    (explanation.cause, explanation.certainty)
}

#[test]
fn secrets_that_cannot_be_read_leave_it_open() {
    let unknown = || vec![secret("regcred", Seen::Unknown)];
    let explanation = only(&pod(NOTHING_SENT, unknown()));
    assert_eq!(explanation.certainty, Certainty::Open);
    assert_eq!(
        explanation.alternatives,
        [Cause::NoMatchingEntry, Cause::SecretMissing, Cause::WrongSecretType]
    );
    let explanation = only(&pod(UNAUTHORIZED, unknown()));
    assert_eq!(explanation.certainty, Certainty::Open);
    assert_eq!(explanation.cause, Cause::CredentialsRefused);
    assert!(explanation.alternatives.contains(&Cause::NoMatchingEntry));
    // This text proves it without the Secret.
    assert_eq!(verdict(&pod(OAUTH_401, unknown())), (Cause::CredentialsRefused, Certainty::Certain));
    // An event says that it is missing.
    let mut pod = pod(NOTHING_SENT, unknown());
    pod.events.push(event(
        "FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
    ));
    assert_eq!(verdict(&pod), (Cause::SecretMissing, Certainty::Likely));
}

#[test]
fn a_secret_of_another_namespace_is_copied() {
    let elsewhere = vec!["team b".to_owned()];
    let explanation = only(&pod(NOTHING_SENT, vec![secret("regcred", Seen::Missing { elsewhere })]));
    assert_eq!(
        (explanation.cause, explanation.certainty),
        (Cause::SecretInOtherNamespace, Certainty::Certain)
    );
    // No namespace can be called that: no command is made of it.
    assert_eq!(explanation.remedy, [""; 0]);
    let elsewhere = vec!["team-b".to_owned()];
    let explanation = only(&pod(NOTHING_SENT, vec![secret("regcred", Seen::Missing { elsewhere })]));
    let copied = |from: &str| {
        format!(
            "kubectl -n {from} get secret regcred -o jsonpath='{{.data.\\.dockerconfigjson}}' | base64 -d | regcred create regcred \
             --namespace team-a --from-docker-config - | kubectl apply -f -"
        )
    };
    assert_eq!(explanation.remedy, [copied("team-b")]);
    // Only the user knows which of several Secrets of this name is the right one.
    let elsewhere = vec!["team-b".to_owned(), "team-c".to_owned()];
    let explanation = only(&pod(NOTHING_SENT, vec![secret("regcred", Seen::Missing { elsewhere })]));
    assert_eq!(explanation.remedy, [copied("NAMESPACE")]);
}

#[test]
fn a_secret_of_the_service_account_that_the_pod_does_not_have() {
    // The Pod was made before the ServiceAccount had it.
    let mut earlier = pod(NOTHING_SENT, vec![]);
    earlier.service_account = Some(account(vec![for_host("good", "r.example.com")]));
    assert_eq!(verdict(&earlier), (Cause::ServiceAccountSecretNotUsed, Certainty::Certain));
    assert_eq!(
        only(&earlier).remedy,
        ["kubectl -n team-a get pod web -o json | kubectl replace --force -f -"]
    );
    earlier.workload = Some("deployment/web".to_owned());
    assert_eq!(only(&earlier).remedy, ["kubectl -n team-a rollout restart deployment/web"]);
    // It cannot be read.
    earlier.service_account = Some(account(vec![secret("good", Seen::Unknown)]));
    assert_eq!(verdict(&earlier), (Cause::ServiceAccountSecretNotUsed, Certainty::Likely));
    // It would not help.
    earlier.service_account = Some(account(vec![for_host("bad", "q.example.com")]));
    assert_eq!(verdict(&earlier), (Cause::NoPullSecret, Certainty::Certain));
    // The Pod lists another one.
    let mut hidden = pod(NOTHING_SENT, vec![for_host("other", "q.example.com")]);
    hidden.service_account = Some(account(vec![for_host("good", "r.example.com")]));
    hidden.workload = Some("deployment/web".to_owned());
    assert_eq!(verdict(&hidden), (Cause::ServiceAccountSecretNotUsed, Certainty::Certain));
    assert_eq!(
        only(&hidden).remedy,
        [
            r#"kubectl -n team-a patch deployment/web -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"good"}]}}}}'"#
        ]
    );
}

#[test]
fn the_nearest_of_several_secrets_is_the_cause() {
    let missing = || secret("gone", Seen::Missing { elsewhere: vec![] });
    let opaque = || holding("opaque", "Opaque", r#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#);
    for (secrets, expected) in [
        (vec![for_host("other", "ghcr.io"), missing()], Cause::SecretMissing),
        (vec![missing(), opaque()], Cause::WrongSecretType),
        (vec![missing(), for_host("port", "r.example.com:5000")], Cause::NoMatchingEntry),
    ] {
        assert_eq!(verdict(&pod(NOTHING_SENT, secrets)), (expected, Certainty::Likely));
    }
    assert_eq!(
        verdict(&pod(NOTHING_SENT, vec![for_host("a", "ghcr.io"), for_host("b", "quay.io")])),
        (Cause::NoMatchingEntry, Certainty::Certain)
    );
}

#[test]
fn the_status_alone_and_the_events_alone_suffice() {
    let mut by_events = pod("", vec![]);
    let container = &mut by_events.containers[0];
    container.waiting = None;
    container.events = vec![
        event("Pulling", "Pulling image \"r.example.com/team/app:1\""),
        event("Failed", &format!("Failed to pull image \"r.example.com/team/app:1\": {NOTHING_SENT}")),
        event("Failed", "Error: ErrImagePull"),
        event("BackOff", "Back-off pulling image \"r.example.com/team/app:1\""),
    ];
    assert_eq!(verdict(&by_events), (Cause::NoPullSecret, Certainty::Certain));
    // Before 1.32 the status of a back-off did not have the error.
    by_events.containers[0].waiting =
        Some(waiting("ImagePullBackOff", "Back-off pulling image \"r.example.com/team/app:1\""));
    assert_eq!(verdict(&by_events), (Cause::NoPullSecret, Certainty::Certain));
    // It was pulled later.
    by_events.containers[0].waiting = None;
    by_events.containers[0].events.push(event("Pulled", "Successfully pulled image"));
    assert_eq!(verdict(&by_events), (Cause::None, Certainty::Certain));
}

#[test]
fn without_any_text_the_objects_are_not_called_proof() {
    let silent = |secrets| {
        let mut pod = pod("", secrets);
        pod.containers[0].waiting =
            Some(waiting("ImagePullBackOff", "Back-off pulling image \"r.example.com/team/app:1\""));
        only(&pod)
    };
    let explanation = silent(vec![]);
    assert_eq!(explanation.alternatives, [Cause::Undecided, Cause::NoPullSecret]);
    let explanation = silent(vec![for_host("other", "ghcr.io")]);
    assert_eq!(explanation.alternatives, [Cause::NoMatchingEntry, Cause::Undecided]);
    let explanation = silent(vec![for_host("good", "r.example.com")]);
    assert_eq!((explanation.cause, explanation.alternatives), (Cause::Undecided, vec![Cause::Undecided]));
    assert_eq!(
        explanation.remedy,
        [r#"kubectl -n team-a get pod web -o jsonpath='{..waiting.message}{"\n"}'"#]
    );
    let explanation = silent(vec![holding("bad", JSON, r#"{"auths":{"q.example.com":{"auth":"!!!"}}}"#)]);
    assert_eq!((explanation.cause, explanation.certainty), (Cause::SecretMalformed, Certainty::Likely));
}

#[test]
fn a_malformed_secret_of_older_and_newer_kubelets() {
    let bad = || {
        vec![
            for_host("good", "r.example.com"),
            holding("bad", JSON, r#"{"auths":{"q.example.com":{"auth":"dXNlcg=="}}}"#),
        ]
    };
    let error = "unable to parse auth field, must be formatted as base64(username:password)";
    let mut older = pod(error, bad());
    let explanation = only(&older);
    assert_eq!((explanation.cause, explanation.certainty), (Cause::SecretMalformed, Certainty::Certain));
    assert_eq!(
        explanation.message.english,
        "The kubelet cannot read the Secret bad, and pulls nothing for the Pod: registry q.example.com: decoded auth has no colon \
         (data[.dockerconfigjson].auths[\"q.example.com\"].auth, line 1, column 28)."
    );
    older.containers[0].waiting = Some(waiting(error, error));
    assert_eq!(only(&older).message, explanation.message);
    older.containers[0].waiting = Some(waiting(error, ""));
    assert_eq!(only(&older).message, explanation.message);
    older.containers[0].waiting = None;
    older.containers[0].events = vec![event("Failed", &format!("Error: {error}"))];
    assert_eq!(only(&older).message, explanation.message);
    older.pull_secrets = vec![secret("bad", Seen::Unknown)];
    assert_eq!(verdict(&older), (Cause::SecretMalformed, Certainty::Certain));
}

#[test]
fn an_image_volume_is_explained_in_place_of_the_container() {
    let mut pod = pod("", vec![for_host("good", "r.example.com")]);
    let container = &mut pod.containers[0];
    container.image_volumes = vec!["q.example.com/data:1".to_owned()];
    let error = NOTHING_SENT.replace("r.example.com/team/app:1", "q.example.com/data:1");
    container.waiting = Some(waiting("ErrImagePull", &error));
    let explanation = only(&pod);
    assert_eq!((&*explanation.image, explanation.cause), ("q.example.com/data:1", Cause::NoMatchingEntry));
    // containerd 2.4 names no image here; an event does, which names no container.
    let error = "rpc error: code = NotFound desc = get image config descriptor: no match for platform in manifest sha256:5e: not found";
    pod.containers[0].waiting = Some(waiting("ErrImagePull", error));
    pod.events = vec![event("Failed", &format!("Failed to pull image \"q.example.com/data:1\": {error}"))];
    let explanation = only(&pod);
    assert_eq!((&*explanation.image, explanation.cause), ("q.example.com/data:1", Cause::Architecture));
}

#[test]
fn a_mirror_hides_what_the_registry_says() {
    let refused = "failed to resolve reference \"r.example.com/team/app:1\": unexpected status from HEAD request to \
                   https://mirror.example.com/v2/team/app/manifests/1?ns=r.example.com: 401 Unauthorized";
    let older = "failed to resolve reference \"r.example.com/team/app:1\": pulling from host mirror.example.com failed with status code \
                 [manifests 1]: 401 Unauthorized";
    let unreachable = "failed to do request: Head \"https://mirror.example.com/v2/team/app/manifests/1?ns=r.example.com\": dial tcp \
                       10.0.0.1:443: connect: connection refused";
    for error in [refused, older, unreachable] {
        let explanation = only(&pod(error, vec![for_host("good", "r.example.com")]));
        assert_eq!((explanation.cause, explanation.certainty), (Cause::Mirror, Certainty::Open), "{error}");
        assert!(
            explanation
                .message
                .english
                .contains("the mirror mirror.example.com fails in place of r.example.com")
        );
        assert!(explanation.alternatives.contains(&Cause::NotFound));
    }
    // A redirect is no mirror: containerd names the registry in `ns` if it asks one.
    let redirected = "unexpected status from HEAD request to https://europe-docker.example.net/v2/x/manifests/1: 500 Internal Server Error";
    assert_eq!(verdict(&pod(redirected, vec![])), (Cause::RegistryError, Certainty::Certain));
    // Docker Hub's own host is no mirror of it.
    let mut hub = pod(
        "unexpected status from HEAD request to https://registry-1.docker.io/v2/acme/app/manifests/1: 429 Too Many Requests",
        vec![],
    );
    hub.containers[0].image = "acme/app:1".to_owned();
    assert_eq!(verdict(&hub), (Cause::RateLimited, Certainty::Certain));
}

#[test]
fn an_error_that_does_not_fit_the_objects_is_not_certain() {
    // Nothing was sent, and now there are credentials: the Secret was changed since.
    let explanation = only(&pod(NOTHING_SENT, vec![for_host("good", "r.example.com")]));
    assert_eq!(explanation.certainty, Certainty::Open);
    assert!(explanation.checked.iter().any(|line| line.english.contains("changed after the last pull")));
    assert_eq!(explanation.remedy, [""; 0]);
    // Something was sent, and the Pod has nothing: it came from the node.
    let explanation = only(&pod(OAUTH_401, vec![]));
    assert_eq!((explanation.cause, explanation.certainty), (Cause::CredentialsRefused, Certainty::Likely));
    assert!(explanation.checked.iter().any(|line| line.english.contains("came from the node")));
}

#[test]
fn expired_credentials_are_called_so() {
    // {"exp":1700000000}
    let token = "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
    let document = format!(r#"{{"auths":{{"r.example.com":{{"username":"robot","password":"{token}"}}}}}}"#);
    let expired = || vec![holding("old", JSON, &document)];
    assert_eq!(verdict(&pod(OAUTH_401, expired())), (Cause::CredentialsExpired, Certainty::Certain));
    assert_eq!(verdict(&pod(UNAUTHORIZED, expired())), (Cause::CredentialsExpired, Certainty::Likely));
}

#[test]
fn official_images_that_are_denied_do_not_exist() {
    let error = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
    for (image, cause, certainty) in [
        ("ngnix:1", Cause::NotFound, Certainty::Likely),
        ("acme/app:1", Cause::NoPullSecret, Certainty::Open),
    ] {
        let mut pod = pod(error, vec![]);
        pod.containers[0].image = image.to_owned();
        assert_eq!(verdict(&pod), (cause, certainty), "{image}");
    }
}

#[test]
fn containers_that_wait_for_something_else_have_no_cause() {
    for (reason, message) in [
        ("ContainerCreating", ""),
        ("PodInitializing", ""),
        ("CrashLoopBackOff", "back-off 5m0s restarting failed container=app pod=web"),
        ("CreateContainerConfigError", "secret \"env\" not found"),
    ] {
        let mut pod = pod("", vec![]);
        pod.containers[0].waiting = Some(waiting(reason, message));
        let explanation = only(&pod);
        assert_eq!((explanation.cause, explanation.certainty), (Cause::None, Certainty::Certain), "{reason}");
        assert!(explanation.checked.is_empty() && explanation.remedy.is_empty(), "{reason}");
    }
}

#[test]
fn the_image_of_a_sandbox_is_no_matter_of_the_secrets() {
    let mut pod = pod("", vec![]);
    pod.containers[0].waiting = Some(waiting("ContainerCreating", ""));
    let sandbox = |error: &str| {
        event(
            "FailedCreatePodSandBox",
            &format!(
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox \"0\": failed to get sandbox image \
                 \"p.example.com/pause:3.10\": failed to pull image \"p.example.com/pause:3.10\": failed to pull and unpack image \
                 \"p.example.com/pause:3.10\": {error}"
            ),
        )
    };
    pod.events = vec![sandbox(
        "failed to do request: Head \"https://p.example.com/v2/pause/manifests/3.10\": dial tcp: lookup p.example.com: no such host",
    )];
    let explanation = only(&pod);
    assert_eq!((&*explanation.image, explanation.cause), ("p.example.com/pause:3.10", Cause::Dns));
    pod.events = vec![sandbox("authorization failed: no basic auth credentials")];
    let explanation = only(&pod);
    assert_eq!(explanation.cause, Cause::Undecided);
    assert!(explanation.checked.iter().any(|line| line.english.contains("sandbox")));
}

#[test]
fn a_template_says_whether_a_pull_would_find_credentials() {
    let template = |secrets, account| {
        let mut pod = pod("", secrets);
        pod.is_template = true;
        pod.service_account = account;
        pod.containers[0].waiting = None;
        pod.containers[0].image_volumes = vec!["q.example.com/data:1".to_owned()];
        explain(&pod, NOW).into_iter().map(|it| (it.cause, it.certainty)).collect::<Vec<_>>()
    };
    let certain = |causes: [Cause; 2]| causes.map(|cause| (cause, Certainty::Certain)).to_vec();
    let good = || vec![for_host("good", "r.example.com")];
    assert_eq!(template(good(), None), certain([Cause::None, Cause::NoMatchingEntry]));
    // The list of the ServiceAccount will be copied.
    assert_eq!(template(vec![], Some(account(good()))), certain([Cause::None, Cause::NoMatchingEntry]));
    assert_eq!(template(vec![], Some(account(vec![]))), certain([Cause::NoPullSecret; 2]));
    let bad = vec![holding("bad", JSON, "{\"auths\":[]}")];
    assert_eq!(template(bad, None), certain([Cause::SecretMalformed; 2]));
    let unknown = template(vec![secret("regcred", Seen::Unknown)], None);
    assert_eq!(unknown, [(Cause::Undecided, Certainty::Open); 2]);
}

#[test]
fn a_look_up_names_the_order_and_the_reasons() {
    let secrets = [
        for_host("wide", "https://r.example.com/v2/"),
        for_host("narrow", "r.example.com/team"),
        for_host("other", "r.example.com:5000"),
        secret("gone", Seen::Missing { elsewhere: vec![] }),
        secret("dark", Seen::Unknown),
    ];
    let found = look_up("r.example.com/team/app:1", &secrets).unwrap();
    let used: Vec<_> = found.used.iter().map(|used| (&*used.secret, used.key.to_string())).collect();
    assert_eq!(
        used,
        [("narrow", "r.example.com/team".to_owned()), ("wide", "https://r.example.com/v2/".to_owned())]
    );
    let unused: Vec<_> = found.unused.iter().map(|unused| (unused.cause, &*unused.why.english)).collect();
    assert_eq!(
        unused,
        [
            (
                Cause::NoMatchingEntry,
                "Secret other: its key r.example.com:5000 does not match r.example.com: the port is different"
            ),
            (Cause::SecretMissing, "Secret gone: it does not exist in this namespace"),
        ]
    );
    assert_eq!(found.unknown, ["dark"]);
    assert!(look_up("R.example.com/Team", &secrets).is_none());
}

#[test]
fn a_message_alone_says_what_it_proves() {
    let explained = explain_message(NOTHING_SENT);
    assert_eq!(explained.alternatives.first(), Some(&Cause::NoPullSecret));
    assert_eq!(explained.image.as_deref(), Some("r.example.com/team/app:1"));
    assert_eq!(
        explained.checked[0].english,
        "The error says \"no basic auth credentials\": no credentials were sent."
    );
    let explained = explain_message(OAUTH_401);
    assert_eq!((explained.cause, explained.certainty), (Cause::CredentialsRefused, Certainty::Certain));
    assert_eq!(explained.host.as_deref(), Some("auth.example.com"));
    let explained = explain_message("something else");
    assert_eq!((explained.cause, explained.alternatives), (Cause::Undecided, vec![Cause::Undecided]));
}

#[test]
fn the_hosts_of_acr_are_told_apart() {
    let own = "crpi-0123456789abcdef.cn-hangzhou.personal.cr.aliyuncs.com";
    for (image_host, key, why) in [
        (own, "registry.cn-hangzhou.aliyuncs.com", "one is the generic host of Alibaba ACR"),
        ("registry.cn-hangzhou.aliyuncs.com", own, "one is the generic host of Alibaba ACR"),
        (
            "registry.cn-hangzhou.aliyuncs.com",
            "registry-vpc.cn-hangzhou.aliyuncs.com",
            "VPC, internal and public hosts",
        ),
        (
            own,
            "crpi-0123456789abcdfe.cn-hangzhou.personal.cr.aliyuncs.com",
            "differ in one or two characters",
        ),
        (own, "registry.cn-beijing.aliyuncs.com", "another instance or region"),
    ] {
        let mut pod = pod(NOTHING_SENT, vec![for_host("acr", key)]);
        pod.containers[0].image = format!("{image_host}/team/app:1");
        let explanation = only(&pod);
        assert_eq!((explanation.cause, explanation.certainty), (Cause::NoMatchingEntry, Certainty::Certain));
        assert!(explanation.message.english.contains(why), "{}", explanation.message.english);
    }
}

#[test]
fn commands_fit_what_is_wrong() {
    let create =
        "regcred create regcred --namespace team-a --image r.example.com/team/app:1 --username USERNAME";
    let entry = r#"{"username":"robot","password":"made-up-password"}"#;
    let one = |secret_type, key: &str| {
        holding("regcred", secret_type, &format!(r#"{{"auths":{{"{key}":{entry}}}}}"#))
    };
    let add = r#"kubectl -n team-a patch deployment/web -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"regcred-r-example-com"}]}}}}'"#;
    let other = "regcred create regcred-r-example-com --namespace team-a --image r.example.com/team/app:1 --username USERNAME";
    for (secrets, expected) in [
        // The type of a Secret cannot be changed.
        (
            vec![one("Opaque", "r.example.com")],
            vec![
                "kubectl -n team-a get secret regcred -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d | regcred create regcred \
                 --namespace team-a --from-docker-config - | kubectl replace --force -f -"
                    .to_owned(),
            ],
        ),
        (
            vec![holding("regcred", "Opaque", r#"{"r.example.com":{"auth":"dTpw"}}"#)],
            vec![format!("{create} | kubectl replace --force -f -")],
        ),
        // A key that matches no image can be replaced, one that matches others must stay.
        (vec![one(JSON, "https://r.example.com/v1")], vec![format!("{create} | kubectl apply -f -")]),
        (
            vec![one(JSON, "r.example.com/other")],
            vec![format!("{other} | kubectl apply -f -"), add.to_owned()],
        ),
        (vec![holding("regcred", JSON, "{}")], vec![format!("{create} | kubectl apply -f -")]),
        (
            vec![secret("regcred", Seen::Missing { elsewhere: vec![] })],
            vec![format!("{create} | kubectl apply -f -")],
        ),
        (
            vec![],
            vec![
                format!("{create} | kubectl apply -f -"),
                "kubectl -n team-a patch serviceaccount SERVICE_ACCOUNT -p '{\"imagePullSecrets\":[{\"name\":\"regcred\"}]}'".to_owned(),
                "kubectl -n team-a rollout restart deployment/web".to_owned(),
            ],
        ),
    ] {
        let mut pod = pod(NOTHING_SENT, secrets);
        pod.workload = Some("deployment/web".to_owned());
        assert_eq!(only(&pod).remedy, expected);
    }
}

#[test]
fn commands_change_the_image_where_it_is_wrong() {
    let set = |error: &str, image: &str| {
        let mut pod = pod(error, vec![for_host("regcred", "r.example.com")]);
        pod.workload = Some("deployment/web".to_owned());
        pod.containers[0].image = image.to_owned();
        only(&pod).remedy
    };
    let absent = "rpc error: code = NotFound desc = failed to pull and unpack image: r.example.com/team/app:1: not found";
    let digest = format!("r.example.com/team/app@sha256:{}", "0".repeat(64));
    for image in ["r.example.com/team/app:1", "r.example.com/team/app", &digest] {
        assert_eq!(
            set(absent, image),
            ["kubectl -n team-a set image deployment/web app=r.example.com/team/app:TAG"],
            "{image}"
        );
    }
    assert_eq!(
        set(NOTHING_SENT, "R.example.com/team/app:1"),
        ["kubectl -n team-a set image deployment/web app=r.example.com/team/app:1"]
    );
    let invalid = "couldn't parse image name \"x\": invalid reference format";
    assert_eq!(
        set(invalid, "r.example.com/team/App; rm -rf $HOME"),
        ["kubectl -n team-a set image deployment/web app=IMAGE"]
    );
}

#[test]
fn a_short_name_is_asked_of_another_registry() {
    let error = "unable to pull image or OCI artifact: pull image err: initializing source docker://quay.example.com/acme/app:1: reading \
                 manifest 1 in quay.example.com/acme/app: unauthorized: access to the requested resource is not authorized";
    let mut pod = pod(error, vec![for_host("hub", "https://index.docker.io/v1/")]);
    pod.containers[0].image = "acme/app:1".to_owned();
    let explanation = only(&pod);
    assert_eq!((explanation.cause, explanation.certainty), (Cause::ShortName, Certainty::Open));
    assert!(
        explanation
            .message
            .english
            .contains("acme/app:1 names no registry, and the node's runtime asks quay.example.com")
    );
    assert_eq!(explanation.remedy, ["kubectl -n team-a set image pod/web app=docker.io/acme/app:1"]);
    pod.containers[0].image = "docker.io/acme/app:1".to_owned();
    assert_eq!(only(&pod).cause, Cause::Mirror);
}
