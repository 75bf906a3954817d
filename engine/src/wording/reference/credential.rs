//! Of username, password and tokens.

use super::{Example, Page, both};

pub(super) const NO_CREDENTIALS: Page = Page {
    title: both("The entry holds no credentials", "条目中没有凭据"),
    what: both(
        "None of `auth`, `username`, `password`, `identitytoken` and `registrytoken` is filled in.",
        "`auth`、`username`、`password`、`identitytoken`、`registrytoken` 都没有值。",
    ),
    why: both(
        "No consumer finds credentials in it; pulls from this registry go out without. docker leaves such \
         empty entries behind where it keeps the credentials in a `credsStore`.",
        "所有消费方都得不到凭据，从该仓库拉取时不带凭据。docker 把凭据存入 `credsStore` 时会在文件中留下这\
         样的空条目。",
    ),
    remedy: both(
        "Add `username` and `password` to the entry, or remove it if the registry needs none.",
        "在条目中补上 `username` 和 `password`；如果该仓库无需凭据，请删除该条目。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{}}}"#),
};

pub(super) const INCOMPLETE_CREDENTIALS: Page = Page {
    title: both("Only one of username and password", "用户名和密码只有其一"),
    what: both(
        "Without `auth` and without a token, exactly one of `username` and `password` is filled in.",
        "没有 `auth` 也没有令牌，且 `username` 和 `password` 只有一个有值。",
    ),
    why: both(
        "No consumer gets a complete pair: the kubelet sends the half it has, podman, buildah and skopeo \
         find nothing.",
        "没有消费方能得到完整的凭据：kubelet 只会发送已有的一半，podman、buildah、skopeo 什么也读不到。",
    ),
    remedy: both("Add the other half.", "补上缺少的一半。"),
    example: Example::of(r#"{"auths":{"registry.example.com":{"username":"robot"}}}"#),
};

pub(super) const TOKEN_ONLY: Page = Page {
    title: both("Only a token, which the kubelet does not read", "只有 kubelet 不读取的令牌"),
    what: both(
        "Only `identitytoken` or `registrytoken` is usable: `auth` is absent, or decodes to an empty \
         password. `az acr login` writes such an entry.",
        "只有 `identitytoken` 或 `registrytoken` 可用：`auth` 缺失，或解码后密码为空。`az acr login` 会写\
         出这样的条目。",
    ),
    why: both(
        "The kubelet reads neither token and has no password for this registry; docker can use both.",
        "kubelet 不读取这两种令牌，因此没有该仓库的密码；docker 两者都能使用。",
    ),
    remedy: both(
        "Put a username and an access token, or a robot account's password, into `username` and `password`.",
        "在 `username` 和 `password` 中填写用户名及其访问令牌，或机器人账号的密码。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"identitytoken":"example"}}}"#),
};

pub(super) const USERNAME_HAS_COLON: Page = Page {
    title: both("The username contains a colon", "用户名含有冒号"),
    what: both(
        "`username` contains `:` and `auth` is missing. It takes the place of `missing-auth` and is never \
         repaired: `auth` ends the username at the first colon.",
        "`username` 含有 `:`，且缺少 `auth`。此项取代 `missing-auth`，并且不会自动修复：`auth` 以第一个冒\
         号作为用户名的结尾。",
    ),
    why: both(
        "podman, buildah, skopeo and Flux would read another username from an `auth` made of it. The \
         kubelet and docker use the plain pair as it stands.",
        "如果据此生成 `auth`，podman、buildah、skopeo、Flux 会从中读出另一个用户名；kubelet 和 docker 直接\
         使用明文的用户名和密码。",
    ),
    remedy: both(
        "Correct `username`. Often `user:password` was pasted into it as a whole.",
        "修正 `username`，常见原因是把 `user:password` 整个粘贴了进去。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.example.com":{"username":"robot:ci","password":"example"}}}"#,
    ),
};

pub(super) const CONTROL_CHARACTERS: Page = Page {
    title: both("A control character in a credential", "凭据中有控制字符"),
    what: both(
        "`username`, `password` or the decoded `auth` has a NUL; or a plain one has another control \
         character. Line feed, carriage return and tab are allowed: Google's `_json_key` password is JSON \
         of several lines.",
        "`username`、`password` 或解码后的 `auth` 含有 NUL，或者明文字段含有其他控制字符。换行、回车和制表\
         符是允许的：Google 的 `_json_key` 密码就是多行 JSON。",
    ),
    why: both(
        "Every consumer sends the character as part of the credential. NULs at either end of the password \
         are trimmed by docker and podman and kept by the kubelet and the key chain, which then send \
         different passwords.",
        "所有消费方都会把它当作凭据的一部分发送。密码首尾的 NUL 会被 docker 和 podman 去掉，而 kubelet 和 \
         keychain 会保留，因此发送的密码不一致。",
    ),
    remedy: both(
        "Write the value again without it. Usual sources: a file saved as UTF-16, text copied from a \
         terminal.",
        "重新填写不含该字符的值。常见原因：文件存成了 UTF-16，或从终端复制了不可见字符。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.example.com":{"username":"robot","password":"exam\u0000ple"}}}"#,
    ),
};

pub(super) const SURROUNDING_WHITESPACE: Page = Page {
    title: both("White space around a credential", "凭据首尾有空白字符"),
    what: both(
        "`username`, `password` or either half of the decoded `auth` begins or ends with white space, \
         line breaks included.",
        "`username`、`password` 或解码后 `auth` 的任意一半，首尾有空白字符（含换行）。",
    ),
    why: both(
        "Every consumer sends it as part of the credential. It is rarely meant: `echo` adds a line break.",
        "所有消费方都会把它当作凭据的一部分发送，而这通常并非本意：`echo` 会多输出一个换行。",
    ),
    remedy: both(
        "Write the value again without it, with `printf %s` instead of `echo`.",
        "去掉空白后重新填写，用 `printf %s` 代替 `echo`。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQo="}}}"#),
};

pub(super) const CREDENTIALS_STRIPPED: Page = Page {
    title: both("An update takes a token or the email out", "更新去掉了令牌或 email"),
    what: both(
        "After an update, an entry under the same key has no `identitytoken`, `registrytoken` or `email` \
         any more, while it still has username and password.",
        "更新之后，同一仓库地址的条目不再有 `identitytoken`、`registrytoken` 或 `email`，但仍有用户名和密\
         码。",
    ),
    why: both(
        "Consumers that use the token, such as docker, lose it. The kubelet reads no token, but where it \
         keeps a record of pulled images, `email` is part of that: images already on a node may count as \
         pulled with other credentials. Rancher's form leaves out on saving all that it does not show.",
        "使用令牌的消费方（如 docker）将失去它。kubelet 不读取令牌，但在启用已拉取镜像记录时，`email` 会计\
         入哈希：节点上已有的镜像可能被视为用其他凭据拉取的。Rancher 的表单保存时会丢掉它未显示的字段。",
    ),
    remedy: both(
        "If it was not meant, put the field back by editing the Secret as YAML.",
        "如非本意，请以 YAML 方式编辑 Secret，把该字段加回来。",
    ),
    example: Example {
        old_document: Some(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"example","email":"robot@example.com","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        ),
        ..Example::of(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"example","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        )
    },
};
