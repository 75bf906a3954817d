// The words of the page itself. Findings, remedies and explanations come from regcred in either language.
const TEXTS = {
  en: {
    skip: "Skip to the findings",
    playground: "playground",
    intro: "Paste an image pull Secret, a Docker config or the error of a failed pull, and see what regcred says about it.",
    language: "Language",
    privacy: "Nothing that you paste leaves this page. It runs regcred in your browser, sends no request, and stores nothing.",
    asked: "Your text",
    examples: "Examples:",
    exampleSecret: "Secret",
    exampleConfig: "config.json",
    exampleError: "Pull error",
    clear: "Clear",
    textLabel: "A Secret in YAML or JSON, a config.json (also in base64), or an error line",
    policySummary: "Policy file (optional)",
    policyLabel: "A policy file of regcred in YAML; without one the defaults apply",
    findings: "Findings",
    error: "What this error means",
    repair: "Repair",
    repairHint: "What regcred adds on admission, and what regcred check --fix writes. Everything else stays as it is. It contains your credentials.",
    diffLabel: "Changes",
    repairedSummary: "Repaired text",
    repairedLabel: "The whole text after the repair",
    encodedLabel: "The same in base64, for the Secret's data",
    consumers: "What each consumer finds",
    imageLabel: "For this image",
    backstop: "Without the webhook",
    backstopHint: "The API server itself can do most of this with admission policies in CEL, generated from the policy file on this page or from the defaults. A repair needs Kubernetes 1.36 or later, a refusal 1.30 or later.",
    roleLabel: "Where they are used",
    roleBackstop: "next to the webhook, as a fallback",
    roleStandalone: "on their own, with no Pod",
    policiesSummary: "Admission policies",
    policiesLabel: "What regcred backstop prints; apply it with kubectl apply -f -",
    made: "Built from regcred",
    kinds: {
      manifest: "Read as manifests.",
      "docker-config": "Read as a Docker config.",
      encoded: "Read as base64 of a Docker config. Places are those in the decoded text.",
      error: "Read as the error of a failed pull.",
    },
    actions: { deny: "Refused", warn: "Warning", audit: "Recorded only" },
    notes: { Error: "Error", Note: "Note" },
    place: (line, column) => `line ${line}, column ${column}`,
    repairable: "Repaired",
    outcomes: {
      uses: "uses this entry",
      "may-use": "may use this entry",
      "finds-nothing": "finds no credentials here",
      "refuses-entry": "refuses this entry",
      "refuses-document": "refuses the whole document",
    },
    consumer: "Consumer",
    finds: "Would use",
    nothing: "nothing",
    secretKey: (secret, registry) => (secret === "config.json" ? registry : `${registry} (Secret ${secret})`),
    readBy: {
      docker: "also Compose, BuildKit, kaniko, ko, crane",
      podman: "also buildah, skopeo, CRI-O",
      keychain: "Flux, Tekton, Knative, Kyverno, cosign",
    },
    certainty: {
      certain: "This is certain.",
      likely: "This is likely, but the text does not prove it.",
      open: "The text leaves this open.",
    },
    checked: "Checked",
    noImage: "Enter an image to see which entry each consumer would use for it.",
    noSecrets: "There is no image pull Secret in this text.",
    good: "No findings: regcred would admit this as it is.",
    status: (secrets, findings, repaired) =>
      `${count(secrets, "Secret or config", "Secrets or configs")}, ${count(findings, "finding", "findings")}${repaired ? "; regcred repairs it as shown below" : ""}.`,
    statusError: "The error is explained below.",
    policyFault: "This policy cannot be used, and the defaults apply: ",
    broken: "internal error: this could not be checked; please report this bug of regcred, and reload this page",
    unsupported: "This browser cannot run the page: it needs WebAssembly and DecompressionStream (any browser since 2023).",
  },
  zh: {
    skip: "跳到检查结果",
    playground: "在线试用",
    intro: "粘贴镜像拉取 Secret、Docker 配置或拉取失败的报错，看看 regcred 怎么说。",
    language: "语言",
    privacy: "粘贴的内容不会离开本页。regcred 在浏览器中运行，本页不发出任何请求，也不保存任何数据。",
    asked: "你的文本",
    examples: "示例：",
    exampleSecret: "Secret",
    exampleConfig: "config.json",
    exampleError: "拉取报错",
    clear: "清空",
    textLabel: "YAML 或 JSON 格式的 Secret、config.json（也可以是其 base64），或一行报错",
    policySummary: "策略文件（可选）",
    policyLabel: "regcred 的策略文件（YAML）；留空则使用默认策略",
    findings: "检查结果",
    error: "这个报错的含义",
    repair: "修复",
    repairHint: "即 regcred 在准入时添加、regcred check --fix 写入的内容，其余内容保持不变。其中含有你的凭据。",
    diffLabel: "改动",
    repairedSummary: "修复后的文本",
    repairedLabel: "修复后的完整文本",
    encodedLabel: "同一内容的 base64，用于 Secret 的 data",
    consumers: "各个使用方能找到什么",
    imageLabel: "对于镜像",
    backstop: "没有 webhook 时",
    backstopHint: "API server 自身可以凭 CEL 准入策略完成其中大部分工作；策略由本页的策略文件或默认策略生成。修复需要 Kubernetes 1.36 或更高版本，拒绝需要 1.30 或更高版本。",
    roleLabel: "用途",
    roleBackstop: "与 webhook 并用，作为后备",
    roleStandalone: "单独使用，不运行任何 Pod",
    policiesSummary: "准入策略",
    policiesLabel: "即 regcred backstop 的输出；用 kubectl apply -f - 应用",
    made: "所用版本：regcred",
    kinds: {
      manifest: "按清单读取。",
      "docker-config": "按 Docker 配置读取。",
      encoded: "按 Docker 配置的 base64 读取；位置指解码后的文本。",
      error: "按拉取失败的报错读取。",
    },
    actions: { deny: "拒绝", warn: "警告", audit: "仅记录" },
    notes: { Error: "错误", Note: "说明" },
    place: (line, column) => `第 ${line} 行第 ${column} 列`,
    repairable: "修复",
    outcomes: {
      uses: "使用该条目",
      "may-use": "可能使用该条目",
      "finds-nothing": "在此找不到凭据",
      "refuses-entry": "拒绝该条目",
      "refuses-document": "拒绝整个文档",
    },
    consumer: "使用方",
    finds: "会使用",
    nothing: "无",
    secretKey: (secret, registry) => (secret === "config.json" ? registry : `${registry}（Secret ${secret}）`),
    readBy: {
      docker: "以及 Compose、BuildKit、kaniko、ko、crane",
      podman: "以及 buildah、skopeo、CRI-O",
      keychain: "Flux、Tekton、Knative、Kyverno、cosign",
    },
    certainty: {
      certain: "可以确定。",
      likely: "很可能如此，但文本不足以证明。",
      open: "仅凭该文本无法确定。",
    },
    checked: "已检查",
    noImage: "输入镜像，查看各个使用方会使用哪个条目。",
    noSecrets: "文本中没有镜像拉取 Secret。",
    good: "没有问题：regcred 会原样放行。",
    status: (secrets, findings, repaired) =>
      `${secrets} 个 Secret 或配置，${findings} 项检查结果${repaired ? "；regcred 的修复见下文" : ""}。`,
    statusError: "报错的解释见下文。",
    policyFault: "该策略无法使用，因此采用默认策略：",
    broken: "内部错误：无法检查；请报告 regcred 的这个缺陷，并重新加载本页",
    unsupported: "此浏览器无法运行本页：需要 WebAssembly 与 DecompressionStream（2023 年以来的浏览器均支持）。",
  },
};

const CONSUMERS = {
  kubelet: "kubelet",
  docker: "docker",
  podman: "podman",
  keychain: "key chain",
  imageUpdater: "Argo CD Image Updater",
};

// Made-up credentials, as the Rancher UI stores them: without `auth`.
const EXAMPLES = {
  secret: {
    image: "registry.example.com/team/app:1.0",
    text: `apiVersion: v1
kind: Secret
metadata:
  name: registry
  namespace: team-a
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: |
    {
      "auths": {
        "registry.example.com": {
          "username": "ci",
          "password": "made-up"
        }
      }
    }
`,
  },
  config: {
    image: "registry.example.com/team/app:1.0",
    text: `{
  "auths": {
    "registry.cn-hangzhou.aliyuncs.com": {
      "auth": "Y2k6bWFkZS11cA=="
    },
    "registry.example.com": {
      "username": "ci",
      "password": "made-up"
    },
    "harbor.example.com": {}
  }
}
`,
  },
  error: {
    image: "",
    text: `Failed to pull image "basic.example.com/team/app:1": failed to pull and unpack image "basic.example.com/team/app:1": failed to resolve image: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials
`,
  },
};

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}
