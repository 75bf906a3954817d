use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::registry::{Key, is_browser_page};

/// The address of a website.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotARegistry {
    /// A host that is no registry, and the registry that was probably meant.
    Host(Option<Registry>),
    /// A page at a registry's own host.
    Page,
}

/// The registry of a website.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// registry.gitlab.com
    GitLab,
    /// ghcr.io
    GitHub,
    /// public.ecr.aws
    PublicEcr,
}

impl Registry {
    const fn host(self) -> &'static str {
        match self {
            Registry::GitLab => "registry.gitlab.com",
            Registry::GitHub => "ghcr.io",
            Registry::PublicEcr => "public.ecr.aws",
        }
    }
}

/// The hosts of websites, and the registry of each if it has only one.
const WEBSITES: [(&str, Option<Registry>); 7] = [
    ("gitlab.com", Some(Registry::GitLab)),
    ("github.com", Some(Registry::GitHub)),
    ("www.github.com", Some(Registry::GitHub)),
    ("gallery.ecr.aws", Some(Registry::PublicEcr)),
    ("console.cloud.google.com", None),
    ("portal.azure.com", None),
    ("cr.console.aliyun.com", None),
];

/// The consoles of AWS, alone or with a region before them.
const REGIONAL_CONSOLES: [&str; 2] = ["console.aws.amazon.com", "console.amazonaws.cn"];

impl NotARegistry {
    fn find(key: &Key<'_>) -> Option<Self> {
        let host = key.host();
        let is_console = |console: &str| {
            host.strip_suffix(console).is_some_and(|region| {
                region.is_empty()
                    || region
                        .strip_suffix('.')
                        .is_some_and(|region| !region.is_empty() && !region.contains('.'))
            })
        };
        let website = WEBSITES.into_iter().find(|(website, _)| *website == host);
        match website {
            Some((_, meant)) => Some(NotARegistry::Host(meant)),
            None if REGIONAL_CONSOLES.into_iter().any(is_console) => Some(NotARegistry::Host(None)),
            None => is_browser_page(host, key.path()).then_some(NotARegistry::Page),
        }
    }
}

impl Check for NotARegistry {
    const DEFINITION: Definition = Definition {
        code: "not-a-registry",
        action: Action::Warn,
        kind: Kind::Host,
        title: text("The address of a website, not of a registry", "网站的地址，而不是镜像仓库的地址"),
        applies: text(
            "The host is gitlab.com, github.com, www.github.com, gallery.ecr.aws, console.cloud.google.com, \
             `[<region>.]console.aws.amazon.com`, `[<region>.]console.amazonaws.cn`, portal.azure.com or cr.console.aliyun.com; or the \
             path is a page of a registry's web interface (`/repository` on quay.io, `/harbor/projects`, `/harbor/sign-in`).",
            "主机名是 gitlab.com、github.com、www.github.com、gallery.ecr.aws、console.cloud.google.com、\
             `[<region>.]console.aws.amazon.com`、`[<region>.]console.amazonaws.cn`、portal.azure.com 或 cr.console.aliyun.com；或者路径是\
             仓库网页界面中的页面（quay.io 的 `/repository`，以及 `/harbor/projects`、`/harbor/sign-in`）。",
        ),
        example: Example::new(r#"{"auths":{"https://gitlab.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        NotARegistry::find(entry.key()).map(|rule| Found::at(entry, rule))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let clause =
            text("this is the address of a website, not of a registry", "这是网站的地址，不是镜像仓库的地址");
        let remedy = match self {
            NotARegistry::Host(Some(meant)) => Bilingual::new(
                format!("Use {}, or the registry with which your image names begin.", meant.host()),
                format!("请改用 {}，或镜像名开头的仓库地址。", meant.host()),
            ),
            NotARegistry::Host(None) | NotARegistry::Page => Bilingual::new(
                "Use the host with which your image names begin, without a page of the web interface.",
                "请改用镜像名开头的主机名，不带网页界面的路径。",
            ),
        };
        let message = Message::new(clause, remedy);
        match self {
            NotARegistry::Page => message,
            NotARegistry::Host(_) => message.only_note(text(
                "It serves no images, so no image name begins with this host.",
                "它不提供镜像，因此没有镜像名以此主机名开头。",
            )),
        }
    }
}
