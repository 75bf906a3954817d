//! The rule reference: each rule explained, in English and in Chinese. `docs/rules.md` and `docs/rules.zh-CN.md` are
//! what [`reference()`] returns. Who is affected and what to do is what the rule says about its own example.

use jiff::Timestamp;

use crate::bilingual::{Bilingual, Language, text};
use crate::judge::{Request, judge, judge_shape};
use crate::policy::{Policy, Requester};
use crate::rules::{Example, Rule};
use crate::secret::{OldDocument, OldSecret, Secret};

use super::statement::statement;

/// The reference for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDoc {
    /// The rule.
    pub rule: Rule,
    /// What is wrong, in a few words.
    pub title: String,
    /// When exactly it applies.
    pub what: String,
    /// Who is affected in the example.
    pub why: String,
    /// What to do in the example.
    pub remedy: String,
    /// A Secret to which it applies.
    pub example: Example,
}

/// The reference for this rule.
#[must_use]
pub fn rule_doc(rule: Rule, language: Language) -> RuleDoc {
    let definition = rule.definition();
    let (why, remedy) = said_of_example(rule, language);
    RuleDoc {
        rule,
        title: definition.title.line(language),
        what: definition.applies.line(language),
        why,
        remedy,
        example: definition.example,
    }
}

/// When the examples are judged: 2026-01-01T00:00:00Z.
pub(super) const EXAMPLE_TIME: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Who is affected and what to do, as the rule says it of its example.
fn said_of_example(rule: Rule, language: Language) -> (String, String) {
    let example = rule.definition().example;
    let Example { secret_type, document, old_document, policy, other_data_bytes, .. } = example;
    let policy = policy.and_then(|file| Policy::parse(file).ok()).unwrap_or_default();
    let document = document.as_bytes();
    let requester = Requester { namespace: "default", user: "somebody", groups: &[] };
    let request = Request {
        requester,
        now: EXAMPLE_TIME,
        secret: Secret { secret_type, document, data_bytes: document.len() + other_data_bytes },
        old: old_document
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old.as_bytes())), immutable: false }),
    };
    let judgement = match example.misshapen() {
        Some(misshapen) => judge_shape(&policy, &requester, EXAMPLE_TIME, &misshapen),
        None => judge(&policy, &request),
    };
    let finding = judgement.findings.iter().find(|finding| finding.rule() == rule);
    let said = finding.map(|finding| statement(finding, language));
    said.map(|said| (said.affected, said.remedy)).unwrap_or_default()
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
    let words = |words: Bilingual<&'static str>| words.line(language);
    let rows = Rule::ALL.iter().map(|rule| {
        let repaired = if rule.is_fixable() { words(YES) } else { String::new() };
        [rule.code().to_owned(), rule.default_action().to_string(), repaired, words(rule.definition().title)]
    });
    [TABLE_HEAD.map(words)].into_iter().chain(rows).collect()
}

/// The paragraphs before the table.
const INTRODUCTION: [Bilingual<&str>; 7] = [
    text("# Rules", "# 规则"),
    text("[简体中文](rules.zh-CN.md)", "[English](rules.md)"),
    text(
        "What regcred finds in an image pull Secret. Every warning and every refusal begins with \
         `[regcred/CODE]`, the code of a rule on this page.",
        "regcred 在镜像拉取 Secret 中检查的问题。每条警告和每次拒绝都以 `[regcred/CODE]` 开头，即本页中某条规则的代码。",
    ),
    text(
        "Each rule has an action, which the policy can change: `off` (not checked, nothing repaired), \
         `audit` (recorded only), `warn` (admitted with a warning) or `deny` (refused). If the table \
         says that a rule repairs, the webhook fixes what it finds on admission; the action applies to what \
         remains afterwards.",
        "每条规则都有一个动作，可在策略中调整：`off`（不检查，也不修复）、`audit`（只记录）、`warn`（放行\
         并警告）、`deny`（拒绝）。表中标明可修复的规则，Webhook 会在准入时自动修复；动作只作用于修复之后仍然存在的问题。",
    ),
    text(
        "An update is not refused for what was there before: for an entry whose key and content are \
         unchanged, and for a document whose bytes are unchanged, `deny` becomes `warn`. For rules that \
         judge only the registry key, an unchanged key is enough, so that an old Secret can still have \
         its password rotated.",
        "更新操作不会因为原有的问题而被拒绝：仓库地址和内容都未改变的条目，以及字节未改变的整份文档，\
         `deny` 降为 `warn`。只判断仓库地址的规则，地址未变即可，因此旧 Secret 仍然可以轮换密码。",
    ),
    text(
        "A consumer is a program that reads such a Secret. Five are modelled: the kubelet; docker (also Compose, BuildKit, \
         kaniko, ko and crane); podman (also buildah, skopeo and CRI-O); the key chain, which is go-containerregistry's \
         for Kubernetes (Flux 2, Tekton, Knative, Kyverno, cosign); and Argo CD Image Updater.",
        "“消费方”指读取此类 Secret 的程序。regcred 对其中五个建有模型：kubelet；docker（也包括 Compose、BuildKit、\
         kaniko、ko、crane）；podman（也包括 buildah、skopeo、CRI-O）；keychain，即 go-containerregistry 的 Kubernetes \
         keychain（Flux 2、Tekton、Knative、Kyverno、cosign）；以及 Argo CD Image Updater。",
    ),
    text(
        "“Who is affected” and “What to do” are what regcred says about the example. Both depend on the document: they are \
         computed from the models for each finding.",
        "“受影响方”和“处理方法”是 regcred 对示例给出的说明。两者都取决于具体文档，由模型针对每个问题计算得出。",
    ),
];

const GENERATED: Bilingual<&str> = text(
    "<!-- Generated from engine/src/rules; update with: REGCRED_UPDATE=1 cargo test -p regcred-engine wording -->",
    "<!-- 由 engine/src/rules 生成；更新方法：REGCRED_UPDATE=1 cargo test -p regcred-engine wording -->",
);

const TABLE_HEAD: [Bilingual<&str>; 4] = [
    text("code", "代码"),
    text("default action", "默认动作"),
    text("repaired", "自动修复"),
    text("what is wrong", "问题"),
];

const YES: Bilingual<&str> = text("yes", "是");

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
    let default = pick(text("default action", "默认动作"));
    let repaired = if rule.is_fixable() { pick(text(", repaired", "，可自动修复")) } else { "" };
    blocks.push(format!("**{title}** ({default}: `{action}`{repaired})"));
    blocks.push(what.clone());
    blocks.push(format!("{}{why}", pick(text("**Who is affected.** ", "**受影响方：**"))));
    blocks.push(format!("{}{remedy}", pick(text("**What to do.** ", "**处理方法：**"))));
    example_of(blocks, *example, pick);
}

fn example_of(blocks: &mut Vec<String>, example: Example, pick: Pick) {
    let kind = example.type_name();
    let heading = pick(text("**Example** of type", "**示例**，类型为"));
    if let Some(old) = example.old_document {
        blocks.push(format!("{heading} `{kind}`{}", pick(text(", before the update:", "，更新前："))));
        blocks.push(fenced("json", old));
        blocks.push(pick(text("and after it:", "更新后：")).to_owned());
    } else {
        let under = example.misplaced.map_or_else(String::new, |_| {
            let key = example.data_key();
            pick(text(", under the data key `{key}`", "，数据键为 `{key}`")).replace("{key}", key)
        });
        blocks.push(format!("{heading} `{kind}`{under}{}", pick(text(":", "："))));
    }
    blocks.push(fenced("json", example.document));
    if let Some(policy) = example.policy {
        blocks.push(pick(text("under this policy:", "配合以下策略：")).to_owned());
        blocks.push(fenced("yaml", policy));
    }
    if example.other_data_bytes > 0 {
        let text = text(
            "in a Secret whose other keys hold {bytes} bytes.",
            "且该 Secret 的其他数据键共占 {bytes} 字节。",
        );
        blocks.push(pick(text).replace("{bytes}", &example.other_data_bytes.to_string()));
    }
}

fn fenced(kind: &str, text: &str) -> String {
    format!("```{kind}\n{}\n```", text.trim_end())
}
