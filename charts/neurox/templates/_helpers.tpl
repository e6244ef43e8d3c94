{{- /* neurox.component: the folder of the template being rendered. */}}
{{- define "neurox.component" -}}
{{ .Template.Name | dir | base }}
{{- end }}

{{- /* neurox.fullname: the name of a component's objects; takes (list $ "api"). A StatefulSet's may have
       52 letters, for its pods carry it with a hash in a label. */}}
{{- define "neurox.fullname" -}}
{{- $ := index . 0 -}}
{{ $.Release.Name | replace "." "-" | trunc 37 | trimSuffix "-" }}-{{ index . 1 }}
{{- end }}

{{- define "neurox.name" -}}
{{ include "neurox.fullname" (list . (include "neurox.component" .)) }}
{{- end }}

{{- /* neurox.selector: the labels that never change; takes (list $ "api"). */}}
{{- define "neurox.selector" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/part-of: neurox
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "neurox.ownSelector" -}}
{{ include "neurox.selector" (list . (include "neurox.component" .)) }}
{{- end }}

{{- define "neurox.labels" -}}
{{ include "neurox.ownSelector" . }}
app.kubernetes.io/name: neurox-{{ include "neurox.component" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "neurox.metadata" -}}
name: {{ include "neurox.name" . }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "neurox.labels" . | nindent 2 }}
{{- end }}

{{- define "neurox.image" -}}
{{ .Values.image.registry }}/control:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* neurox.foreignImage: somebody else's, by digest when there is one. */}}
{{- define "neurox.foreignImage" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* neurox.podSecurity: the restricted profile of Pod Security, and a uid of our own. */}}
{{- define "neurox.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "neurox.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* neurox.placement: where pods go, and that copies of one go apart; takes the root. */}}
{{- define "neurox.placement" -}}
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
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "neurox.ownSelector" . | nindent 8 }}
{{- end }}

{{- /* neurox.httpProbes: ready says whether to send requests, live whether to restart. */}}
{{- define "neurox.httpProbes" -}}
startupProbe:
  httpGet: {path: {{ .live }}, port: {{ .port }}}
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: {path: {{ .ready }}, port: {{ .port }}}
  periodSeconds: 5
livenessProbe:
  httpGet: {path: {{ .live }}, port: {{ .port }}}
  periodSeconds: 20
  failureThreshold: 6
{{- end }}

{{- /* Addresses: where the parts find each other, and where people find them. */}}
{{- define "neurox.redisUrl" -}}
{{- if .Values.redis.enabled -}}
{{- if or .Values.redis.url .Values.redis.tlsSecret }}
{{- fail "redis.url or redis.tlsSecret is set, but redis.enabled is true: they are for your own Redis, with redis.enabled=false" }}
{{- end -}}
redis://{{ include "neurox.fullname" (list . "redis") }}:6379/0
{{- else -}}
{{ required "redis.url is empty: with redis.enabled=false it names your own Redis, redis://HOST:6379/0" .Values.redis.url }}
{{- end }}
{{- end }}

{{- /* neurox.redisSecret: empty when Redis is yours and asks for no password. */}}
{{- define "neurox.redisSecret" -}}
{{- if .Values.redis.existingSecret -}}
{{ .Values.redis.existingSecret }}
{{- else if .Values.redis.enabled -}}
{{ include "neurox.fullname" (list . "redis") }}
{{- end }}
{{- end }}

{{- /* neurox.redisTls: the Secret with certificates for your own Redis. */}}
{{- define "neurox.redisTls" -}}
{{- if and .Values.redis.tlsSecret (not .Values.redis.enabled) -}}
{{- if not (hasPrefix "rediss" .Values.redis.url) }}
{{- fail "redis.tlsSecret is set, but redis.url does not begin with rediss: without TLS there are no certificates" }}
{{- end -}}
{{ .Values.redis.tlsSecret }}
{{- end }}
{{- end }}

{{- define "neurox.relaySecret" -}}
{{ .Values.relayServer.existingSecret | default (include "neurox.fullname" (list . "relay-server")) }}
{{- end }}

{{- define "neurox.adminSecret" -}}
{{ .Values.auth.admin.existingSecret | default (include "neurox.fullname" (list . "admin")) }}
{{- end }}

{{- define "neurox.queryUrl" -}}
{{- if .Values.thanos.enabled -}}
http://{{ include "neurox.fullname" (list . "thanos-query") }}:10902
{{- else -}}
{{- if .Values.thanos.objectStorage.existingSecret }}
{{- fail "thanos.objectStorage.existingSecret is set, but thanos.enabled is false: your own Thanos has its own bucket" }}
{{- end -}}
{{ required "thanos.queryUrl is empty: with thanos.enabled=false it names your own Thanos query" .Values.thanos.queryUrl }}
{{- end }}
{{- end }}

{{- define "neurox.receiveUrl" -}}
{{- if .Values.thanos.enabled -}}
http://{{ include "neurox.fullname" (list . "thanos-receive") }}:19291/api/v1/receive
{{- else -}}
{{ required "thanos.receiveUrl is empty: with thanos.enabled=false it names where your own Thanos takes remote write" .Values.thanos.receiveUrl }}
{{- end }}
{{- end }}

{{- /* neurox.edgePort: the port that people type. */}}
{{- define "neurox.publicUrl" -}}
{{- if eq .Values.expose.type "edge" -}}
  {{- if not .Values.expose.host -}}
https://localhost:8443
  {{- else if eq .Values.expose.edge.service "NodePort" -}}
https://{{ .Values.expose.host }}:{{ .Values.expose.edge.nodePort }}
  {{- else -}}
https://{{ .Values.expose.host }}
  {{- end }}
{{- else if eq .Values.expose.type "none" -}}
https://{{ .Values.expose.host | default "localhost:8443" }}
{{- else -}}
https://{{ required (printf "expose.host is empty: with expose.type=%s it names the host that people type" .Values.expose.type) .Values.expose.host }}
{{- end }}
{{- end }}

{{- /* neurox.generatedCa: whether the edge signs with a CA of this release. */}}
{{- define "neurox.generatedCa" -}}
{{- if and (eq .Values.expose.type "edge") (not .Values.expose.edge.existingSecret) (not .Values.expose.edge.acmeEmail) -}}
true
{{- end }}
{{- end }}

{{- /* neurox.caSecret: the Secret whose ca.crt clusters are told to trust; empty: every system does. */}}
{{- define "neurox.caSecret" -}}
{{- if include "neurox.generatedCa" . -}}
{{ include "neurox.fullname" (list . "edge") }}
{{- else -}}
{{ .Values.expose.caSecret | default "" }}
{{- end }}
{{- end }}

{{- /* neurox.caFiles: what clusters are told to trust, as the relay-server has it mounted. */}}
{{- define "neurox.caFiles" -}}
{{- if and .Values.expose.host (include "neurox.caSecret" .) -}}
/etc/neurox/ca/ca.crt
{{- if and .Values.expose.caSecret (include "neurox.generatedCa" .) }},/etc/neurox/ca/more.crt{{ end }}
{{- end }}
{{- end }}

{{- /* neurox.formerUrls: by which clusters reached it before, while these lead here too. */}}
{{- define "neurox.formerUrls" -}}
{{- $urls := list }}
{{- if and .Values.expose.formerHosts (not .Values.expose.host) }}
{{- fail "expose.formerHosts needs expose.host, the host that clusters move to" }}
{{- end }}
{{- $prefix := printf "https://%s" .Values.expose.host }}
{{- range .Values.expose.formerHosts }}
{{- $urls = append $urls (include "neurox.publicUrl" $ | replace $prefix (printf "https://%s" .)) }}
{{- end }}
{{- join "," $urls }}
{{- end }}

{{- /* neurox.redisEnv: how a process reaches Redis; passwords and certificates come by file. */}}
{{- define "neurox.redisEnv" -}}
- {name: NEUROX_REDIS_URL, value: {{ include "neurox.redisUrl" . | quote }}}
{{- if include "neurox.redisSecret" . }}
- {name: NEUROX_REDIS_PASSWORD_FILE, value: /etc/neurox/redis/password}
{{- if contains "+sentinel://" (include "neurox.redisUrl" .) }}
- {name: NEUROX_REDIS_SENTINEL_PASSWORD_FILE, value: /etc/neurox/redis/sentinel-password}
{{- end }}
{{- end }}
{{- if include "neurox.redisTls" . }}
- {name: NEUROX_REDIS_TLS_DIR, value: /etc/neurox/redis-tls}
{{- end }}
{{- end }}

{{- define "neurox.redisMount" -}}
{{- if include "neurox.redisSecret" . }}
- {name: redis, mountPath: /etc/neurox/redis, readOnly: true}
{{- end }}
{{- if include "neurox.redisTls" . }}
- {name: redis-tls, mountPath: /etc/neurox/redis-tls, readOnly: true}
{{- end }}
{{- end }}

{{- define "neurox.redisVolume" -}}
{{- with include "neurox.redisSecret" . }}
- name: redis
  secret:
    secretName: {{ . }}
    {{- if $.Values.redis.enabled }}
    items: [{key: password, path: password}]
    {{- end }}
{{- end }}
{{- with include "neurox.redisTls" . }}
- name: redis-tls
  secret: {secretName: {{ . }}}
{{- end }}
{{- end }}

{{- /* neurox.webEnv: the settings that api and auth share. */}}
{{- define "neurox.webEnv" -}}
- {name: NEUROX_PUBLIC_URL, value: {{ include "neurox.publicUrl" . | quote }}}
- {name: NEUROX_RELAY_PUBLIC_URL, value: {{ include "neurox.publicUrl" . | quote }}}
- {name: NEUROX_THANOS_URL, value: {{ include "neurox.queryUrl" . | quote }}}
{{ include "neurox.redisEnv" . }}
{{- end }}

{{- /* neurox.gunicorn: serves one of the three web apps. */}}
{{- define "neurox.gunicorn" -}}
command: [python3, -m, gunicorn, -c, "python:portal.gunicorn_conf", -b, "0.0.0.0:8080", "portal.web:{{ . }}"]
{{- end }}

{{- /* neurox.bucket: whether metrics go on into a bucket. */}}
{{- define "neurox.bucket" -}}
{{- if and .Values.thanos.enabled .Values.thanos.objectStorage.existingSecret -}}
true
{{- end }}
{{- end }}

{{- define "neurox.bucketMount" -}}
- {name: bucket, mountPath: /etc/neurox/bucket, readOnly: true}
{{- end }}

{{- /* neurox.bucketVolume: the whole Secret, for objstore.yml may name a CA beside it. */}}
{{- define "neurox.bucketVolume" -}}
- name: bucket
  secret: {secretName: {{ .Values.thanos.objectStorage.existingSecret }}}
{{- end }}
