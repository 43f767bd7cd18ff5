# Watchkeeper as a container: `monitor run` as PID 1, without root, without a shell script, on a read-only root.
#
#   docker build -t watchkeeper .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v ./config.yaml:/etc/watchkeeper/config.yaml:ro -v watchkeeper:/var/lib/watchkeeper watchkeeper
#
# compose.yaml is a whole example; docs/container.md says what the container needs and what it does not.

FROM python:3.11-slim-bookworm AS builder

WORKDIR /build
# Without pip of its own: the image's pip fills it from outside, and what is copied below holds no installer.
RUN python3 -m venv --without-pip /opt/watchkeeper

# The dependencies first: they change seldom, and this layer is then kept.
COPY requirements.lock ./
RUN python3 -m pip --python /opt/watchkeeper/bin/python install --no-cache-dir --no-compile \
      --only-binary :all: --no-deps --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY monitor/ monitor/
COPY checks/ checks/
# setuptools is in the lock, hashes and all, for this line alone. Tests of others are a tenth of the size.
RUN python3 -m pip --python /opt/watchkeeper/bin/python install --no-cache-dir --no-compile \
      --no-deps --no-index --no-build-isolation . \
 && python3 -m pip --python /opt/watchkeeper/bin/python uninstall --yes --quiet setuptools \
 && find /opt/watchkeeper/lib -depth -type d -name tests -exec rm -rf {} + \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/watchkeeper/lib


FROM python:3.11-slim-bookworm

ARG REVISION=""
LABEL org.opencontainers.image.title="Watchkeeper" \
      org.opencontainers.image.description="Stands watch over services and keeps the log" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"

# No installer stays. The base has no compiled standard library, and nothing could be kept at run time: without this
# line every start, and every health check, would compile it again.
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && python3 -m compileall -q --invalidation-mode unchecked-hash \
      -x '/(idlelib|lib2to3|pydoc_data|test|tkinter|turtledemo)/' /usr/local/lib/python3.11 \
 && install -d -m 0755 /etc/watchkeeper \
 && install -d -m 0700 -o 65532 -g 65532 /var/lib/watchkeeper

COPY --from=builder /opt/watchkeeper /opt/watchkeeper

ENV PATH=/opt/watchkeeper/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WATCHKEEPER_CONFIG=/etc/watchkeeper/config.yaml \
    STATE_DIRECTORY=/var/lib/watchkeeper

# A number, so that Kubernetes' runAsNonRoot can see that it is not 0. It owns nothing but the volume.
USER 65532:65532
VOLUME /var/lib/watchkeeper
# Also where temporary files go when /tmp is read-only.
WORKDIR /var/lib/watchkeeper
EXPOSE 8700

# Alive, not ready: a full disk must not get the one program killed that is telling of it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["monitor", "healthy"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["monitor"]
CMD ["run"]
