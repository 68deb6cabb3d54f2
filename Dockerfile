# syntax=docker/dockerfile:1
# Two stages: a wheel and its locked dependencies are installed in the first, the second has no build tools.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY autoscaler autoscaler
RUN python -m venv /opt/autoscaler \
 && /opt/autoscaler/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/autoscaler/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/autoscaler/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/autoscaler/bin/pip uninstall --yes hatchling editables pip

FROM python:3.12-slim
RUN useradd --uid 65532 --user-group --no-create-home --shell /usr/sbin/nologin autoscaler
COPY --from=build /opt/autoscaler /opt/autoscaler
# HOME, because the Kubernetes library wants one when it is imported, whoever runs it.
ENV HOME=/ PATH=/opt/autoscaler/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["autoscaler"]
CMD ["run", "--config", "/etc/autoscaler/settings.yaml"]
