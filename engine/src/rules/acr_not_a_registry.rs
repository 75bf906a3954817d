use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::registry::{AcrService, acr_service};

/// The host belongs to Alibaba ACR but is not a registry. Which service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcrNotARegistry(pub AcrService);

impl Check for AcrNotARegistry {
    const DEFINITION: Definition = Definition {
        code: "acr-not-a-registry",
        action: Action::Warn,
        kind: Kind::Host,
        title: text("An Alibaba ACR host that is not a registry", "不是镜像仓库的阿里云 ACR 地址"),
        applies: text(
            "The host is the ACR management API (`cr.<region>.aliyuncs.com`, `cr-vpc.<region>.aliyuncs.com`), an accelerator \
             (`<id>.mirror.aliyuncs.com`), or an Enterprise host without the instance's name (`registry.<region>.cr.aliyuncs.com`).",
            "主机名是 ACR 的管理 API（`cr.<region>.aliyuncs.com`、`cr-vpc.<region>.aliyuncs.com`）、镜像加速器（`<id>.mirror.aliyuncs.com`），\
             或缺少实例名的企业版地址（`registry.<region>.cr.aliyuncs.com`）。",
        ),
        example: Example::new(r#"{"auths":{"cr.cn-hangzhou.aliyuncs.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        acr_service(entry.key()).map(|service| Found::at(entry, AcrNotARegistry(service)))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let AcrNotARegistry(service) = self;
        match service {
            AcrService::ManagementApi => Message::new(
                text("this is the management API of Alibaba ACR, not a registry", "这是阿里云 ACR 的管理 API，不是镜像仓库"),
                text(
                    "Use the address on the instance's page in the ACR console, with which image names begin.",
                    "请改用 ACR 控制台实例页面上的仓库地址，即镜像名开头的地址。",
                ),
            )
            .only_note(text(
                "It serves no images, so no image name begins with this host.",
                "它不提供镜像，因此没有镜像名以此主机名开头。",
            )),
            AcrService::Accelerator => Message::new(
                text("this is an Alibaba accelerator, not a registry of your own", "这是阿里云镜像加速器，不是你自己的镜像仓库"),
                text(
                    "Use the address with which image names begin; for Docker Hub https://index.docker.io/v1/.",
                    "请改用镜像名开头的地址；Docker Hub 请写 https://index.docker.io/v1/。",
                ),
            )
            .only_note(text(
                "It only mirrors Docker Hub: credentials under this host are used for images named by this host, not for those of \
                 Docker Hub.",
                "它只是 Docker Hub 的镜像站：该主机名下的凭据只用于以它开头的镜像，不会用于 Docker Hub 的镜像。",
            )),
            AcrService::NamelessEnterprise => Message::new(
                text("this ACR Enterprise host lacks the instance's name", "该 ACR 企业版地址缺少实例名"),
                text(
                    "Put the instance's name in front, as its page in the ACR console shows it.",
                    "请按 ACR 控制台实例页面所示，在前面加上实例名。",
                ),
            )
            .only_note(text(
                "Enterprise instances are at <instance>-registry.<region>.cr.aliyuncs.com, and image names begin with that host.",
                "企业版实例的地址为 <instance>-registry.<region>.cr.aliyuncs.com，镜像名以该地址开头。",
            )),
        }
    }
}
