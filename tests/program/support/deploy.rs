//! `deploy/` as an administrator edits it, and its Pods as the kubelet would start them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::cluster::Cluster;
use super::regcred::{Serve, command};
use super::volume::Volume;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A copy of `deploy/` to edit and apply.
pub struct Checkout {
    folder: TempDir,
}

impl Checkout {
    pub fn new() -> Self {
        let checkout =
            Checkout { folder: tempfile::Builder::new().prefix("regcred-checkout-").tempdir().unwrap() };
        copy(&Path::new(ROOT).join("deploy"), &checkout.path("deploy"));
        checkout
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Edits `deploy/kustomization.yaml` as its comments say, so that it lists these components and no others.
    #[track_caller]
    pub fn choose(&self, components: &[&str]) {
        let shipped = fs::read_to_string(Path::new(ROOT).join("deploy/kustomization.yaml")).unwrap();
        let mut left = components.to_vec();
        let lines = shipped.lines().map(|line| {
            let item = line.trim_start_matches([' ', '#']).strip_prefix("- components/");
            let Some(name) = item.map(|item| item.split(' ').next().unwrap_or_default()) else {
                return line.to_owned();
            };
            let chosen = left.iter().position(|component| *component == name).map(|at| left.remove(at));
            format!("  {}- components/{name}", if chosen.is_some() { "" } else { "# " })
        });
        let edited = lines.collect::<Vec<_>>().join("\n");
        assert!(left.is_empty(), "deploy/kustomization.yaml does not offer {left:?}");
        fs::write(self.path("deploy/kustomization.yaml"), edited).unwrap();
    }

    /// Replaces a text in a file.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    /// `kubectl apply -k deploy`
    #[track_caller]
    pub fn apply(&self, cluster: &Cluster) {
        cluster.accepts(&["apply", "-k", self.path("deploy").to_str().unwrap()], "");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Names and contents.
type Files = Vec<(String, String)>;

/// The only container of a Pod template, with the config maps that it mounts, read from the cluster as the kubelet reads
/// them when the Pod starts.
pub struct Container {
    pub spec: Value,
    /// Folder in the container and files, for each config map.
    mounts: Vec<(String, Files)>,
}

impl Container {
    #[track_caller]
    pub fn of(cluster: &Cluster, namespace: &str, pod: &Value) -> Self {
        let spec = pod["containers"][0].clone();
        let mut mounts = Vec::new();
        for mount in spec["volumeMounts"].as_array().unwrap() {
            let volumes = pod["volumes"].as_array().unwrap();
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
            if let Some(name) = volume["configMap"]["name"].as_str() {
                let map = cluster.get(&["-n", namespace, "configmap", name]);
                let files = map["data"].as_object().unwrap().iter();
                let files = files.map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()));
                mounts.push((mount["mountPath"].as_str().unwrap().to_owned(), files.collect()));
            }
        }
        Container { spec, mounts }
    }

    /// The environment, with paths below `root` instead of `/etc/regcred`.
    pub fn environment(&self, root: &Path) -> Vec<(OsString, OsString)> {
        let list = self.spec["env"].as_array().unwrap().iter();
        list.map(|variable| {
            let text = |key: &str| variable[key].as_str().unwrap();
            (text("name").into(), below(root, text("value")).into())
        })
        .collect()
    }

    /// Mounts the volumes below `root` instead of `/etc/regcred`.
    pub fn mount(&self, root: &Path) {
        for (at, files) in &self.mounts {
            let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            Volume::new(PathBuf::from(below(root, at)), &files);
        }
    }

    /// The program as the container runs it, except for the addresses, and the root of its mounts.
    pub fn serve(&self) -> (Serve, PathBuf) {
        assert_eq!(self.spec["args"], serde_json::json!(["serve"]));
        let mut serve = Serve::new();
        let root = serve.path("etc");
        for (name, value) in self.environment(&root) {
            serve = serve.env(name, value);
        }
        self.mount(&root);
        (serve, root)
    }

    /// Runs the program where it is expected to fail at its start. Returns its exit code and standard error.
    #[track_caller]
    pub fn fails(&self, kubeconfig: &str) -> (Option<i32>, String) {
        let folder = tempfile::Builder::new().prefix("regcred-test-").tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        fs::write(&file, kubeconfig).unwrap();
        self.mount(folder.path());
        let mut command = command();
        command.args(["serve", "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0"]).env("KUBECONFIG", file);
        let output = command.envs(self.environment(folder.path())).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn below(root: &Path, path: &str) -> String {
    path.replace("/etc/regcred", root.to_str().unwrap())
}
