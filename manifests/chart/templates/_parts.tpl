{{/* Labels of every object. */}}
{{- define "autoscaler.labels" -}}
app.kubernetes.io/name: autoscaler
app.kubernetes.io/part-of: faas-autoscaler
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of what the process beside the daemon has. */}}
{{- define "autoscaler.sync-labels" -}}
app.kubernetes.io/part-of: faas-autoscaler
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The service account, as a subject of a binding. */}}
{{- define "autoscaler.subject" -}}
- kind: ServiceAccount
  name: autoscaler
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The settings, as text. */}}
{{- define "autoscaler.settings" -}}
{{- if .Values.settingsFile -}}
{{ .Values.settingsFile }}
{{- else -}}
{{ toYaml .Values.settings }}
{{- end -}}
{{- end }}

{{/* With a hash of the content, so that changed settings start new pods and a rollback brings the old ones back. */}}
{{- define "autoscaler.settings-name" -}}
autoscaler-settings-{{ include "autoscaler.settings" . | sha256sum | trunc 10 }}
{{- end }}

{{/* What the daemon may do to functions, wherever it is granted. */}}
{{- define "autoscaler.rules" -}}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [autoscaler.faas.dev]
  resources: [scalingpolicies]
  verbs: [list, watch]
- apiGroups: [autoscaler.faas.dev]
  resources: [scalingpolicies/status]
  verbs: [patch]
{{- end }}
