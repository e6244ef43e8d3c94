# The Python of Debian, for machines that reach Debian's packages but no image registry.
FROM scratch
ARG TARGETARCH
ADD debian-${TARGETARCH}.tar /
ENV PATH=/usr/local/bin:/usr/bin:/bin
