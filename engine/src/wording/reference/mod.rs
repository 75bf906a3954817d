//! The rule reference: each rule explained, in English and in Chinese. `docs/rules.md` and `docs/rules.zh-CN.md` are
//! what [`reference()`] gives.

use super::Bilingual;
use crate::policy::Language;
use crate::rule::Rule;
use crate::secret::SecretType;

mod auth;
mod credential;
mod document;
mod host;
mod key;

/// What the reference says of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDoc {
    /// The rule.
    pub rule: Rule,
    /// What is wrong, in a few words.
    pub title: String,
    /// When exactly it stands.
    pub what: String,
    /// Who is affected, and who is not.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// A Secret in which it stands.
    pub example: Example,
}

/// A Secret in which a rule stands. All of it is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The Secret's type.
    pub secret_type: SecretType,
    /// The document.
    pub document: &'static str,
    /// The document before the update, for a rule that judges updates. A person makes the update.
    pub old_document: Option<&'static str>,
    /// The policy file that the rule needs; otherwise the default holds.
    pub policy: Option<&'static str>,
    /// So many bytes stand in the Secret's data under other keys.
    pub other_data_bytes: usize,
}

impl Example {
    const fn of(document: &'static str) -> Example {
        Example {
            secret_type: SecretType::DockerConfigJson,
            document,
            old_document: None,
            policy: None,
            other_data_bytes: 0,
        }
    }
}

/// What the reference says of one rule, in both languages.
struct Page {
    title: Bilingual<&'static str>,
    what: Bilingual<&'static str>,
    why: Bilingual<&'static str>,
    remedy: Bilingual<&'static str>,
    example: Example,
}

const fn both(english: &'static str, chinese: &'static str) -> Bilingual<&'static str> {
    Bilingual { english, chinese }
}

const fn page(rule: Rule) -> &'static Page {
    match rule {
        Rule::AcrNotARegistry => &host::ACR_NOT_A_REGISTRY,
        Rule::AmbiguousJson => &document::AMBIGUOUS_JSON,
        Rule::AuthDisagrees => &auth::AUTH_DISAGREES,
        Rule::AuthEmptyHalf => &auth::AUTH_EMPTY_HALF,
        Rule::AuthNotBase64 => &auth::AUTH_NOT_BASE64,
        Rule::AuthUnpadded => &auth::AUTH_UNPADDED,
        Rule::AuthWithoutColon => &auth::AUTH_WITHOUT_COLON,
        Rule::ClientOnlySettings => &document::CLIENT_ONLY_SETTINGS,
        Rule::ControlCharacters => &credential::CONTROL_CHARACTERS,
        Rule::CredentialsStripped => &credential::CREDENTIALS_STRIPPED,
        Rule::FieldNotString => &document::FIELD_NOT_STRING,
        Rule::GenericRegistryHost => &host::GENERIC_REGISTRY_HOST,
        Rule::IncompleteCredentials => &credential::INCOMPLETE_CREDENTIALS,
        Rule::InvalidJson => &document::INVALID_JSON,
        Rule::MisplacedAuthsWrapper => &document::MISPLACED_AUTHS_WRAPPER,
        Rule::MissingAuth => &auth::MISSING_AUTH,
        Rule::MissingAuthsWrapper => &document::MISSING_AUTHS_WRAPPER,
        Rule::NoCredentials => &credential::NO_CREDENTIALS,
        Rule::NoRegistries => &document::NO_REGISTRIES,
        Rule::NotAnObject => &document::NOT_AN_OBJECT,
        Rule::RegistriesDropped => &document::REGISTRIES_DROPPED,
        Rule::RegistryDenied => &host::REGISTRY_DENIED,
        Rule::RegistryKeyDockerHub => &host::REGISTRY_KEY_DOCKER_HUB,
        Rule::RegistryKeyHasCredentials => &key::REGISTRY_KEY_HAS_CREDENTIALS,
        Rule::RegistryKeyInvalid => &key::REGISTRY_KEY_INVALID,
        Rule::RegistryKeyNeverMatches => &key::REGISTRY_KEY_NEVER_MATCHES,
        Rule::RegistryKeyWildcard => &key::REGISTRY_KEY_WILDCARD,
        Rule::SurroundingWhitespace => &credential::SURROUNDING_WHITESPACE,
        Rule::TokenOnly => &credential::TOKEN_ONLY,
        Rule::TooLargeToFix => &document::TOO_LARGE_TO_FIX,
        Rule::UsernameHasColon => &credential::USERNAME_HAS_COLON,
    }
}

/// What the reference says of this rule.
#[must_use]
pub fn rule_doc(rule: Rule, language: Language) -> RuleDoc {
    let page = page(rule);
    RuleDoc {
        rule,
        title: page.title.line(language),
        what: page.what.line(language),
        why: page.why.line(language),
        remedy: page.remedy.line(language),
        example: page.example,
    }
}

/// The whole reference as Markdown: an introduction, a table, and a section for each rule.
#[must_use]
pub fn reference(language: Language) -> String {
    match language {
        Language::English => markdown(|words| words.english, Language::English),
        Language::Chinese => markdown(|words| words.chinese, Language::Chinese),
        Language::Both => format!("{}\n{}", reference(Language::English), reference(Language::Chinese)),
    }
}

/// What the reference says of one rule, as Markdown: its section.
#[must_use]
pub fn rule_reference(rule: Rule, language: Language) -> String {
    let section = |pick: Pick, language| {
        let mut blocks = Vec::new();
        section(&mut blocks, &rule_doc(rule, language), pick);
        joined(&blocks)
    };
    match language {
        Language::English => section(|words| words.english, language),
        Language::Chinese => section(|words| words.chinese, language),
        Language::Both => {
            format!(
                "{}\n{}",
                rule_reference(rule, Language::English),
                rule_reference(rule, Language::Chinese)
            )
        }
    }
}

/// The table of the rules, its head first: code, default action, whether the rule repairs, what is wrong.
#[must_use]
pub fn rule_table(language: Language) -> Vec<[String; 4]> {
    let text = |words: Bilingual<&'static str>| words.line(language);
    let rows = Rule::ALL.iter().map(|rule| {
        let repaired = if rule.is_fixable() { text(YES) } else { String::new() };
        [rule.code().to_owned(), rule.default_action().to_string(), repaired, text(page(*rule).title)]
    });
    [TABLE_HEAD.map(text)].into_iter().chain(rows).collect()
}

/// The paragraphs before the table.
const INTRODUCTION: [Bilingual<&str>; 6] = [
    both("# Rules", "# 规则"),
    both("[简体中文](rules.zh-CN.md)", "[English](rules.md)"),
    both(
        "What regcred finds in an image-pull Secret. Every warning and every refusal begins with \
         `[regcred/CODE]`, the code of a rule on this page.",
        "regcred 在镜像拉取 Secret 中检查的问题。每条警告和每次拒绝都以 `[regcred/CODE]` 开头，即本页中某条规则的代码。",
    ),
    both(
        "Each rule has an action, which the policy can change: `off` (not looked for, nothing repaired), \
         `audit` (recorded only), `warn` (admitted with a warning) or `deny` (refused). Where the table \
         says that a rule repairs, the webhook mends what it finds on admission; the action counts for what \
         still stands afterwards.",
        "每条规则都有一个动作，可在策略中调整：`off`（不检查，也不修复）、`audit`（只记录）、`warn`（放行\
         并警告）、`deny`（拒绝）。表中标明可修复的规则，Webhook 会在准入时自动修复；动作只作用于修复之后仍然存在的问题。",
    ),
    both(
        "An update is not refused for what was there before: of an entry whose key and content are \
         unchanged, and of a document whose bytes are unchanged, `deny` becomes `warn`. For rules that \
         judge the registry key alone, an unchanged key is enough, so that an old Secret can still have \
         its password rotated.",
        "更新操作不会因为原有的问题而被拒绝：仓库地址和内容都未改变的条目，以及字节未改变的整份文档，\
         `deny` 降为 `warn`。只判断仓库地址的规则，地址未变即可，因此旧 Secret 仍然可以轮换密码。",
    ),
    both(
        "A consumer is whatever reads such a Secret. They agree on little: the kubelet, docker and \
         go-containerregistry (kaniko, crane, ko) read `username` and `password` or `auth`; podman, \
         buildah and skopeo read `auth` alone. “The key chain” is go-containerregistry's for Kubernetes, \
         used by Kyverno, Tekton and Knative.",
        "“消费方”指读取此类 Secret 的程序，它们的行为并不一致：kubelet、docker 和 \
         go-containerregistry（kaniko、crane、ko）读取 `username` 和 `password`，或读取 `auth`；podman、\
         buildah、skopeo 只读 `auth`。文中的 keychain 指 go-containerregistry 的 Kubernetes keychain，\
         Kyverno、Tekton、Knative 都在使用它。",
    ),
];

const GENERATED: Bilingual<&str> = both(
    "<!-- Generated from engine/src/wording; renew with: REGCRED_UPDATE=1 cargo test -p regcred-engine \
     wording -->",
    "<!-- 由 engine/src/wording 生成；更新方法：REGCRED_UPDATE=1 cargo test -p regcred-engine wording -->",
);

const TABLE_HEAD: [Bilingual<&str>; 4] = [
    both("code", "代码"),
    both("default action", "默认动作"),
    both("repaired", "自动修复"),
    both("what is wrong", "问题"),
];

const YES: Bilingual<&str> = both("yes", "是");

type Pick = fn(Bilingual<&'static str>) -> &'static str;

fn markdown(pick: Pick, language: Language) -> String {
    let mut blocks = vec![pick(GENERATED).to_owned()];
    blocks.extend(INTRODUCTION.map(pick).map(str::to_owned));
    blocks.push(table(language));
    for rule in Rule::ALL {
        section(&mut blocks, &rule_doc(*rule, language), pick);
    }
    joined(&blocks)
}

fn joined(blocks: &[String]) -> String {
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

fn table(language: Language) -> String {
    let mut lines = Vec::new();
    for (number, [code, action, repaired, title]) in rule_table(language).into_iter().enumerate() {
        if number == 0 {
            lines.push(format!("| {code} | {action} | {repaired} | {title} |"));
            lines.push("|---|---|---|---|".to_owned());
        } else {
            lines.push(format!("| [`{code}`](#{code}) | {action} | {repaired} | {title} |"));
        }
    }
    lines.join("\n")
}

fn section(blocks: &mut Vec<String>, doc: &RuleDoc, pick: Pick) {
    let RuleDoc { rule, title, what, why, remedy, example } = doc;
    let (code, action) = (rule.code(), rule.default_action());
    blocks.push(format!("## {code}"));
    let default = pick(both("default action", "默认动作"));
    let repaired = if rule.is_fixable() { pick(both(", repaired", "，可自动修复")) } else { "" };
    blocks.push(format!("**{title}** ({default}: `{action}`{repaired})"));
    blocks.push(what.clone());
    blocks.push(format!("{}{why}", pick(both("**Who is affected.** ", "**受影响方：**"))));
    blocks.push(format!("{}{remedy}", pick(both("**What to do.** ", "**处理方法：**"))));
    example_of(blocks, *example, pick);
}

fn example_of(blocks: &mut Vec<String>, example: Example, pick: Pick) {
    let kind = example.secret_type.name();
    let heading = pick(both("**Example** of type", "**示例**，类型为"));
    if let Some(old) = example.old_document {
        blocks.push(format!("{heading} `{kind}`{}", pick(both(", before the update:", "，更新前："))));
        blocks.push(fenced("json", old));
        blocks.push(pick(both("and after it:", "更新后：")).to_owned());
    } else {
        blocks.push(format!("{heading} `{kind}`{}", pick(both(":", "："))));
    }
    blocks.push(fenced("json", example.document));
    if let Some(policy) = example.policy {
        blocks.push(pick(both("under this policy:", "配合以下策略：")).to_owned());
        blocks.push(fenced("yaml", policy));
    }
    if example.other_data_bytes > 0 {
        let text = both(
            "in a Secret whose other keys hold {bytes} bytes.",
            "且该 Secret 的其他数据键共占 {bytes} 字节。",
        );
        blocks.push(pick(text).replace("{bytes}", &example.other_data_bytes.to_string()));
    }
}

fn fenced(kind: &str, text: &str) -> String {
    format!("```{kind}\n{}\n```", text.trim_end())
}
