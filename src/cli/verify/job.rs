//! `--print-job`: a Job that verifies a Secret from inside the cluster, where hosts can be reached that a laptop cannot see, such
//! as the VPC addresses of Alibaba ACR.

use std::path::Path;

use super::args::VerifyArgs;
use super::report::VerifyFormat;
use crate::cli::Failure;
use crate::cli::asking::ca_bytes;

/// The manifests, with marks where the arguments belong.
const TEMPLATE: &str = include_str!("job.yaml");

const CA_CONFIG_MAP: &str = "---
apiVersion: v1
kind: ConfigMap
metadata:
  name: regcred-verify-ca@NAMESPACE
data:
  ca.crt: |
";

const CA_MOUNT: &str = "            - {name: ca, mountPath: /var/run/regcred/ca, readOnly: true}\n";

const CA_VOLUME: &str = "        - name: ca\n          configMap: {name: regcred-verify-ca}\n";

/// Returns the manifests.
pub(super) fn manifests(args: &VerifyArgs) -> Result<String, Failure> {
    let ca = args.asking.ca_file.as_deref().map(certificate_lines).transpose()?;
    let namespace = args.namespace.as_ref();
    let namespace = namespace.map_or_else(String::new, |name| format!("\n  namespace: {}", name.as_str()));
    let config_map = ca.as_ref().map_or_else(String::new, |lines| format!("{CA_CONFIG_MAP}{lines}"));
    let has_ca = ca.is_some();
    let arguments: Vec<_> = arguments(args, has_ca)
        .iter()
        .map(|argument| format!("            - {}", quoted(argument)))
        .collect();
    let ports: Vec<_> =
        ports(args).iter().map(|port| format!("        - {{port: {port}, protocol: TCP}}")).collect();
    // The texts of the user come last, so that marks in them stay as they are.
    Ok(TEMPLATE
        .replace("@CA_CONFIG_MAP", &config_map)
        .replace("@CA_MOUNT", if has_ca { CA_MOUNT } else { "" })
        .replace("@CA_VOLUME\n", if has_ca { CA_VOLUME } else { "" })
        .replace("@VERSION", env!("CARGO_PKG_VERSION"))
        .replace("@PORTS", &ports.join("\n"))
        .replace("@NAMESPACE", &namespace)
        .replace("@SECRET", &quoted(args.secret.as_deref().unwrap_or_default()))
        .replace("@ARGUMENTS", &arguments.join("\n")))
}

/// The lines of a PEM file, indented as in a block of YAML.
fn certificate_lines(file: &Path) -> Result<String, Failure> {
    let bytes = ca_bytes(file)?;
    let text = String::from_utf8(bytes).map_err(|_| Failure(format!("{}: is not text", file.display())))?;
    let lines: Vec<_> = text.lines().map(|line| format!("    {line}\n")).collect();
    Ok(lines.concat())
}

/// The ports of the registries and token servers, as far as the arguments name them.
fn ports(args: &VerifyArgs) -> Vec<u16> {
    let port = |host: &str| host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let mut ports: Vec<_> = args.images.iter().filter_map(|image| port(image.name().domain())).collect();
    ports.extend(args.asking.allow_realm.iter().filter_map(|host| port(host)));
    ports.extend(args.asking.plain_http.iter().map(|host| port(host).unwrap_or(80)));
    ports.push(443);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The arguments of the same verification in the Job's Pod.
fn arguments(args: &VerifyArgs, has_ca: bool) -> Vec<String> {
    let mut arguments = vec![
        "verify".to_owned(),
        "--docker-config=/var/run/regcred/pull-secret/.dockerconfigjson".to_owned(),
        format!("--max-failures={}", args.asking.max_failures),
        format!("--timeout={}ms", args.asking.timeout.as_millis()),
    ];
    arguments.extend(args.images.iter().map(|image| format!("--image={image}")));
    arguments.extend(args.asking.plain_http.iter().map(|host| format!("--plain-http={host}")));
    arguments.extend(args.asking.allow_realm.iter().map(|host| format!("--allow-realm={host}")));
    if has_ca {
        arguments.push("--ca-file=/var/run/regcred/ca/ca.crt".to_owned());
    }
    if args.output_format == VerifyFormat::Json {
        arguments.push("--output-format=json".to_owned());
    }
    arguments
}

/// A YAML scalar that is this text: JSON strings are.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: VerifyArgs,
    }

    fn manifests_of(arguments: &[&str]) -> String {
        let arguments = ["verify", "pull", "--print-job"].iter().chain(arguments);
        manifests(&Line::try_parse_from(arguments).unwrap().args).ok().unwrap()
    }

    #[test]
    fn job_takes_over_the_arguments() {
        let text = manifests_of(&[
            "-n",
            "team-a",
            "--image=r.example.com:5000/a/b:1",
            "--plain-http=plain.example.com",
            "-o",
            "json",
        ]);
        for line in [
            "  namespace: team-a",
            "            secretName: \"pull\"",
            "            - \"--image=r.example.com:5000/a/b:1\"",
            "            - \"--plain-http=plain.example.com\"",
            "            - \"--output-format=json\"",
            "        - {port: 80, protocol: TCP}",
            "        - {port: 443, protocol: TCP}",
            "        - {port: 5000, protocol: TCP}",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("ca.crt") && !text.contains(" @") && !text.contains("\n@"), "{text}");
        assert!(!manifests_of(&[]).contains("namespace:"));
    }

    #[test]
    fn job_has_the_certificate_authorities() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nbWFkZSB1cA==\n-----END CERTIFICATE-----\n")
            .unwrap();
        let text = manifests_of(&["--ca-file", file.path().to_str().unwrap()]);
        for line in [
            "    bWFkZSB1cA==",
            "            - \"--ca-file=/var/run/regcred/ca/ca.crt\"",
            "            - {name: ca, mountPath: /var/run/regcred/ca, readOnly: true}",
            "          configMap: {name: regcred-verify-ca}",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
