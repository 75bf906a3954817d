//! AdmissionReviews as the API server sends them (tests/golden holds some that it really sent).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

pub const DOCKER_CONFIG_JSON: &str = "kubernetes.io/dockerconfigjson";
pub const DOCKER_CFG: &str = "kubernetes.io/dockercfg";

/// The data key of a type of pull Secrets.
pub fn known_data_key(secret_type: &str) -> Option<&'static str> {
    match secret_type {
        DOCKER_CONFIG_JSON => Some(".dockerconfigjson"),
        DOCKER_CFG => Some(".dockercfg"),
        _ => None,
    }
}

/// The same for a type that must be one of them.
pub fn data_key(secret_type: &str) -> &'static str {
    known_data_key(secret_type).unwrap_or_else(|| panic!("{secret_type} is no type of pull Secrets"))
}

/// A Secret with this data.
pub fn secret_with(secret_type: &str, data: &Value) -> Value {
    json!({
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "regcred", "namespace": "default"},
        "data": data,
        "type": secret_type,
    })
}

/// A pull Secret.
pub fn secret_of(secret_type: &str, document: &[u8]) -> Value {
    secret_with(secret_type, &json!({(data_key(secret_type)): STANDARD.encode(document)}))
}

/// A dockerconfigjson Secret.
pub fn secret(document: &str) -> Value {
    secret_of(DOCKER_CONFIG_JSON, document.as_bytes())
}

/// A dockerconfigjson document with these entries.
pub fn document(entries: &[(&str, Value)]) -> String {
    let auths: Map<String, Value> =
        entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone())).collect();
    json!({"auths": auths}).to_string()
}

/// An entry as Rancher writes it: without `auth`.
pub fn pair(username: &str, password: &str) -> Value {
    json!({"username": username, "password": password})
}

/// An entry with nothing to find in it.
pub fn good(username: &str, password: &str) -> Value {
    json!({"auth": STANDARD.encode(format!("{username}:{password}"))})
}

/// A request for admission, to be changed as a test likes.
#[derive(Clone)]
pub struct Review(pub Value);

impl Review {
    /// A Secret is created.
    pub fn create(object: &Value) -> Self {
        Self::new("CREATE", object, &Value::Null)
    }

    /// A Secret is changed.
    pub fn update(old: &Value, new: &Value) -> Self {
        let stored = |object: &Value| {
            let mut object = object.clone();
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.insert("uid".to_owned(), json!("3842b873-6f0d-4065-a234-edf112188f92"));
            metadata.insert("resourceVersion".to_owned(), json!("491"));
            metadata.insert("creationTimestamp".to_owned(), json!("2026-11-23T19:15:15Z"));
            object
        };
        Self::new("UPDATE", &stored(new), &stored(old))
    }

    fn new(operation: &str, object: &Value, old: &Value) -> Self {
        let kind = json!({"group": "", "version": "v1", "kind": "Secret"});
        let resource = json!({"group": "", "version": "v1", "resource": "secrets"});
        let options = if operation == "CREATE" { "CreateOptions" } else { "UpdateOptions" };
        Review(json!({
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "7b738994-755d-4217-a962-c93772fb2ec5",
                "kind": kind,
                "resource": resource,
                "requestKind": kind,
                "requestResource": resource,
                "name": object["metadata"]["name"],
                "namespace": object["metadata"]["namespace"],
                "operation": operation,
                "userInfo": {
                    "username": "kubernetes-admin",
                    "groups": ["system:masters", "system:authenticated"],
                },
                "object": object,
                "oldObject": old,
                "dryRun": false,
                "options": {
                    "kind": options,
                    "apiVersion": "meta.k8s.io/v1",
                    "fieldManager": "kubectl-create",
                    "fieldValidation": "Strict",
                },
            },
        }))
    }

    /// Sets a field of the request.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["request"][field] = value.into();
        self
    }

    /// Sets who asks.
    pub fn user(mut self, name: &str) -> Self {
        self.0["request"]["userInfo"]["username"] = json!(name);
        self
    }

    /// Sets which client asks.
    pub fn field_manager(mut self, name: &str) -> Self {
        self.0["request"]["options"]["fieldManager"] = json!(name);
        self
    }

    pub fn uid(self, uid: &str) -> Self {
        self.with("uid", uid)
    }

    /// What `/validate` is asked after `/mutate` has answered this review: the patch is applied as the API server
    /// applies it.
    pub fn mutated(&self, answer: &Value) -> Self {
        let mut review = self.clone();
        if let Some(patch) = patch_of(answer) {
            let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
            json_patch::patch(&mut review.0["request"]["object"], &patch).unwrap();
        }
        review
    }

    /// The document of the object.
    pub fn document(&self) -> Vec<u8> {
        let object = &self.0["request"]["object"];
        let key = data_key(object["type"].as_str().unwrap());
        STANDARD.decode(object["data"][key].as_str().unwrap()).unwrap()
    }
}

/// The JSON Patch in an answer.
pub fn patch_of(answer: &Value) -> Option<Value> {
    let patch = answer["response"]["patch"].as_str()?;
    assert_eq!(answer["response"]["patchType"], "JSONPatch");
    Some(serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap())
}

/// The rule code that a cause or a warning begins with.
#[track_caller]
pub fn code(text: &str) -> &str {
    text.strip_prefix("[regcred/")
        .and_then(|rest| rest.split_once(']'))
        .unwrap_or_else(|| panic!("no code: {text}"))
        .0
}

/// Whether a cause or a warning says how many are left, which it does under the code of the first of them.
#[track_caller]
pub fn is_more(text: &str) -> bool {
    let behind = &text["[regcred/".len() + code(text).len()..];
    behind.starts_with("] and ") || behind.starts_with("] 该 Secret 另有 ")
}

/// The codes of an answer's causes, one for each, in order; what says how many are left is none.
pub fn cause_codes(answer: &Value) -> Vec<String> {
    let causes = answer["response"]["status"]["details"]["causes"].as_array().into_iter().flatten();
    let messages = causes.map(|cause| cause["message"].as_str().unwrap());
    messages.filter(|message| !is_more(message)).map(|message| code(message).to_owned()).collect()
}

/// The warnings of an answer. Of too many the last says how many are left.
pub fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["response"]["warnings"].as_array().into_iter().flatten();
    warnings.map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

/// The codes of an audit record's findings under an action, in order.
pub fn recorded_codes(record: &Value, action: &str) -> Vec<String> {
    let findings = record["findings"].as_array().into_iter().flatten();
    let under = findings.filter(|finding| finding["action"] == action);
    under.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}
