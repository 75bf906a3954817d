//! `--print-job`: a Job that verifies a Secret from inside the cluster, where hosts can be reached that a laptop cannot see, such
//! as the VPC addresses of Alibaba ACR.

use std::fmt::Write as _;
use std::fs;

use super::Args;
use crate::cli::Failure;

/// Where the Job's Pod has the Secret.
const MOUNT: &str = "/var/run/regcred/pull-secret";

/// Where it has the certificate authorities of `--ca-file`.
const CA_MOUNT: &str = "/var/run/regcred/ca";

/// Returns the manifests.
pub(super) fn manifest(args: &Args) -> Result<String, Failure> {
    let secret = args.secret.as_deref().unwrap_or_default();
    let namespace = args.namespace.as_ref();
    let namespace = namespace.map_or_else(String::new, |name| format!("\n  namespace: {}", name.as_str()));
    let ca = match &args.ca_file {
        Some(file) => {
            let text = fs::read_to_string(file)
                .map_err(|error| Failure(format!("{}: cannot be read: {error}", file.display())))?;
            Some(text)
        }
        None => None,
    };
    let mut text = format!(
        "# Verifies the credentials of a pull Secret from inside the cluster, with permission for nothing but this Secret. Set the\n\
         # image of regcred to that of your registry, apply it, and read the result:\n\
         #\n\
         #     kubectl wait --for=jsonpath='{{.status.terminating}}'=0 job/regcred-verify; kubectl logs job/regcred-verify\n\
         apiVersion: v1\n\
         kind: ServiceAccount\n\
         metadata:\n  name: regcred-verify{namespace}\n\
         automountServiceAccountToken: false\n\
         ---\n"
    );
    if let Some(ca) = &ca {
        let pem: String = ca.lines().fold(String::new(), |mut pem, line| {
            let _ = writeln!(pem, "    {line}");
            pem
        });
        let _ = write!(
            text,
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: regcred-verify-ca{namespace}\ndata:\n  ca.crt: |\n{pem}---\n"
        );
    }
    text.push_str(&network_policy(args, &namespace));
    text.push_str(&job(args, secret, &namespace, ca.is_some()));
    Ok(text)
}

/// In from nowhere; out to name servers and registries, but to no metadata service.
fn network_policy(args: &Args, namespace: &str) -> String {
    let port = |host: &str| host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let mut ports: Vec<_> = args.images.iter().filter_map(|image| port(image.name().domain())).collect();
    ports.extend(args.allow_realm.iter().filter_map(|host| port(host)));
    ports.extend(args.plain_http.iter().map(|host| port(host).unwrap_or(80)));
    ports.push(443);
    ports.sort_unstable();
    ports.dedup();
    let ports: String =
        ports.iter().map(|port| format!("        - {{port: {port}, protocol: TCP}}\n")).collect();
    format!(
        "apiVersion: networking.k8s.io/v1\n\
         kind: NetworkPolicy\n\
         metadata:\n  name: regcred-verify{namespace}\n\
         spec:\n  \
           podSelector:\n    matchLabels:\n      app.kubernetes.io/name: regcred-verify\n  \
           policyTypes: [Ingress, Egress]\n  \
           egress:\n    \
             - ports:\n        \
                 - {{port: 53, protocol: UDP}}\n        \
                 - {{port: 53, protocol: TCP}}\n    \
             # Add the port of the registry if it has another one.\n    \
             - ports:\n{ports}      \
               to:\n        \
                 - ipBlock: {{cidr: 0.0.0.0/0, except: [169.254.0.0/16, 100.100.100.200/32]}}\n        \
                 - ipBlock: {{cidr: '::/0', except: ['fe80::/10', 'fd00:ec2::254/128']}}\n\
         ---\n"
    )
}

fn job(args: &Args, secret: &str, namespace: &str, has_ca: bool) -> String {
    let secret = quoted(secret);
    let arguments: String = arguments(args, has_ca)
        .iter()
        .map(|argument| format!("            - {}\n", quoted(argument)))
        .collect();
    let (ca_mount, ca_volume) = if has_ca {
        (
            format!("            - {{name: ca, mountPath: {CA_MOUNT}, readOnly: true}}\n"),
            "        - name: ca\n          configMap: {name: regcred-verify-ca}\n",
        )
    } else {
        (String::new(), "")
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n  name: regcred-verify{namespace}\n\
         spec:\n  \
           # One attempt: a second one would send wrong passwords again, and registries lock users out for that.\n  \
           backoffLimit: 0\n  \
           activeDeadlineSeconds: 600\n  \
           ttlSecondsAfterFinished: 86400\n  \
           template:\n    \
             metadata:\n      labels:\n        app.kubernetes.io/name: regcred-verify\n    \
             spec:\n      \
               serviceAccountName: regcred-verify\n      \
               automountServiceAccountToken: false\n      \
               enableServiceLinks: false\n      \
               restartPolicy: Never\n      \
               nodeSelector:\n        kubernetes.io/os: linux\n      \
               securityContext:\n        \
                 runAsNonRoot: true\n        \
                 runAsUser: 65532\n        \
                 runAsGroup: 65532\n        \
                 fsGroup: 65532\n        \
                 seccompProfile:\n          type: RuntimeDefault\n      \
               containers:\n        \
                 - name: verify\n          \
                   image: regcred:{version}\n          \
                   imagePullPolicy: IfNotPresent\n          \
                   args:\n{arguments}          \
                   resources:\n            \
                     requests: {{cpu: 10m, memory: 32Mi}}\n            \
                     limits: {{memory: 128Mi}}\n          \
                   securityContext:\n            \
                     allowPrivilegeEscalation: false\n            \
                     readOnlyRootFilesystem: true\n            \
                     capabilities:\n              drop: [ALL]\n          \
                   volumeMounts:\n            \
                     - {{name: pull-secret, mountPath: {MOUNT}, readOnly: true}}\n{ca_mount}      \
               volumes:\n        \
                 - name: pull-secret\n          \
                   secret:\n            \
                     secretName: {secret}\n            \
                     # A Secret of the type kubernetes.io/dockercfg has .dockercfg here and in args.\n            \
                     items: [{{key: .dockerconfigjson, path: .dockerconfigjson}}]\n{ca_volume}"
    )
}

/// The arguments of the same verification in the Job's Pod.
fn arguments(args: &Args, has_ca: bool) -> Vec<String> {
    let mut arguments = vec![
        "verify".to_owned(),
        format!("--docker-config={MOUNT}/.dockerconfigjson"),
        format!("--max-failures={}", args.max_failures),
        format!("--timeout={}ms", args.timeout.as_millis()),
    ];
    arguments.extend(args.images.iter().map(|image| format!("--image={image}")));
    arguments.extend(args.plain_http.iter().map(|host| format!("--plain-http={host}")));
    arguments.extend(args.allow_realm.iter().map(|host| format!("--allow-realm={host}")));
    if has_ca {
        arguments.push(format!("--ca-file={CA_MOUNT}/ca.crt"));
    }
    if args.output_format == super::report::VerifyFormat::Json {
        arguments.push("--output-format=json".to_owned());
    }
    arguments
}

/// A YAML scalar that is this text: JSON strings are.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
