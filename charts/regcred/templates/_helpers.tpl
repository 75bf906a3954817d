{{/* The label app.kubernetes.io/name. */}}
{{- define "regcred.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of all objects. It is shorter than 63 characters because of the suffixes. */}}
{{- define "regcred.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "regcred.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "regcred.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "regcred.labels" -}}
app.kubernetes.io/name: {{ include "regcred.name" . }}
app.kubernetes.io/part-of: regcred
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels by which the Pods of the webhook are selected. They never change. */}}
{{- define "regcred.selector" -}}
app.kubernetes.io/name: {{ include "regcred.name" . }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "regcred.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The ConfigMap of the policy. Its name has a hash of its content, so each Pod keeps the policy that it started with: a policy that
regcred cannot read fails the new Pods of the roll-out, and a rollback restores image and policy together. */}}
{{- define "regcred.policyName" -}}
{{ include "regcred.fullname" . }}-policy-{{ toYaml .Values.policy | sha256sum | trunc 10 }}
{{- end -}}

{{- define "regcred.tlsSecret" -}}
{{- if and (eq .Values.certificate.source "files") .Values.certificate.secretName -}}
{{ .Values.certificate.secretName }}
{{- else -}}
{{ include "regcred.fullname" . }}-tls
{{- end -}}
{{- end -}}

{{- define "regcred.caSecret" -}}
{{ include "regcred.fullname" . }}-self-managed
{{- end -}}

{{- define "regcred.clientCaName" -}}
{{ include "regcred.fullname" . }}-client-ca-{{ .Values.clientCA | sha256sum | trunc 10 }}
{{- end -}}

{{- define "regcred.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "regcred.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Egress to the API server: a Service's address, and after it a port of a machine. No selector matches either. */}}
{{- define "regcred.apiServerEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.apiServerCIDRs }}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "regcred.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ append .Values.webhooks.excludedNamespaces .Release.Namespace | toJson }}
  - key: regcred.dev/admission
    operator: NotIn
    values: [ignore]
{{- end -}}

{{- define "regcred.clientConfig" -}}
service:
  namespace: {{ .root.Release.Namespace }}
  name: {{ include "regcred.fullname" .root }}
  path: {{ .path }}
  port: 443
{{- if eq .root.Values.certificate.source "files" }}
caBundle: {{ required "certificate.caBundle is required with certificate.source=files: the CAs that the API server trusts, PEM" .root.Values.certificate.caBundle | b64enc }}
{{- end }}
{{- end -}}
