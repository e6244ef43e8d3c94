{{- /* neurox-workload.component: the folder of the template being rendered. */}}
{{- define "neurox-workload.component" -}}
{{ .Template.Name | dir | base }}
{{- end }}

{{- /* neurox-workload.name: what the component's objects are called; one such plane a cluster. */}}
{{- define "neurox-workload.name" -}}
neurox-{{ include "neurox-workload.component" . }}
{{- end }}

{{- /* neurox-workload.selector: the labels that never change. */}}
{{- define "neurox-workload.selector" -}}
app.kubernetes.io/part-of: neurox
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: {{ include "neurox-workload.component" . }}
{{- end }}

{{- define "neurox-workload.labels" -}}
{{ include "neurox-workload.selector" . }}
app.kubernetes.io/name: {{ include "neurox-workload.name" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "neurox-workload.metadata" -}}
name: {{ include "neurox-workload.name" . }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "neurox-workload.labels" . | nindent 2 }}
{{- end }}

{{- define "neurox-workload.agentNamespace" -}}
{{ .Values.agent.namespace | default (printf "%s-agent" (.Release.Namespace | trunc 57 | trimSuffix "-")) }}
{{- end }}

{{- /* neurox-workload.image: one of our images; takes (list $ "agent"). */}}
{{- define "neurox-workload.image" -}}
{{- $ := index . 0 -}}
{{ $.Values.image.registry }}/{{ index . 1 }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}
{{- end }}

{{- /* neurox-workload.foreignImage: somebody else's, by digest when there is one. */}}
{{- define "neurox-workload.foreignImage" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* neurox-workload.podSecurity: the restricted profile of Pod Security, and a uid of our own. */}}
{{- define "neurox-workload.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "neurox-workload.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* neurox-workload.nodeEnv, neurox-workload.nodeMounts: how a pod learns of the node it is on. */}}
{{- define "neurox-workload.nodeEnv" -}}
- name: NEUROX_AGENT_NODE
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- {name: NEUROX_AGENT_POD_RESOURCES, value: /var/lib/kubelet/pod-resources/kubelet.sock}
- {name: NEUROX_AGENT_POD_LOGS, value: /var/log/pods}
{{- end }}

{{- define "neurox-workload.nodeMounts" -}}
- {name: pod-resources, mountPath: /var/lib/kubelet/pod-resources, readOnly: true}
- {name: pod-logs, mountPath: /var/log/pods, readOnly: true}
{{- end }}

{{- /* neurox-workload.driverEnv: what lets the agent find libnvidia-ml and the GPUs. */}}
{{- define "neurox-workload.driverEnv" -}}
{{- if .Values.agent.simulated }}
- {name: NEUROX_NVML_SCENARIO, value: /run/neurox/simulated/scenario}
{{- else if eq .Values.agent.driver "hostPath" }}
- {name: LD_LIBRARY_PATH, value: /usr/local/nvidia/lib64}
{{- else }}
- {name: NVIDIA_VISIBLE_DEVICES, value: {{ ternary .Values.agent.cdiDevice "all" (eq .Values.agent.driver "cdi") }}}
- {name: NVIDIA_DRIVER_CAPABILITIES, value: utility}
{{- if .Values.agent.privileged }}
# Every MIG device, also one that is made later; NVIDIA's runtime grants it to privileged containers only.
- {name: NVIDIA_MIG_MONITOR_DEVICES, value: all}
{{- end }}
{{- end }}
{{- end }}

{{- /* neurox-workload.agentAnnotations: yours; by the first, NVIDIA's NRI plugin adds the devices. */}}
{{- define "neurox-workload.agentAnnotations" -}}
{{- if and (eq .Values.agent.driver "cdi") (not .Values.agent.simulated) }}
nvidia.cdi.k8s.io/container.agent: {{ .Values.agent.cdiDevice }}
{{- end }}
{{- with .Values.agent.annotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* neurox-workload.scrapers: who may ask the agents for metrics; alone, the usual label of a Prometheus. */}}
{{- define "neurox-workload.scrapers" -}}
{{- if not .Values.agentOnly }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .Release.Namespace | quote }}}}
  podSelector: {matchLabels: {app.kubernetes.io/component: prometheus}}
{{- end }}
{{- if .Values.networkPolicy.scrapers }}
{{ toYaml .Values.networkPolicy.scrapers }}
{{- else if .Values.agentOnly }}
- namespaceSelector: {}
  podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}
{{- end }}
{{- end }}

{{- /* neurox-workload.agentNodes: simulated GPUs appear on nodes that somebody has marked so, and on no other. */}}
{{- define "neurox-workload.agentNodes" -}}
{{- if .Values.agent.simulated }}
neurox.io/simulated: "true"
{{- else if .Values.agent.nodeSelector }}
{{- toYaml .Values.agent.nodeSelector }}
{{- end }}
{{- end }}

{{- /* neurox-workload.labelNodes: the agent may only look, so a person does it. */}}
{{- define "neurox-workload.labelNodes" -}}
kubectl label node NODE neurox.io/simulated=true nvidia.com/gpu.product={{ .Values.agent.simulatedGpus.model }}
{{- end }}

{{- /* neurox-workload.placement: where the administrator wants pods that serve the whole cluster. */}}
{{- define "neurox-workload.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
