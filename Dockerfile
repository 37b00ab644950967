# The service: gluon-hash serve. docs/deployment.md says how it is run.
#   docker build -t gluon_hash .                                        networks by MXNet
#   docker build -t gluon_hash --build-arg EXTRAS=serve,onnx .          by ONNX Runtime, a smaller image
#   docker build -t gluon_hash --build-arg EXTRAS=serve,mxnet,milvus .  codes in Milvus
FROM python:3.11-slim AS build
ARG EXTRAS=serve,mxnet
WORKDIR /source
RUN python -m venv /opt/gluon_hash
COPY setup.py pyproject.toml MANIFEST.in README.md LICENSE constraints.txt ./
COPY configs configs
COPY data data
COPY zoo zoo
COPY gluon_hash gluon_hash
RUN /opt/gluon_hash/bin/pip install --no-cache-dir --disable-pip-version-check \
    -c constraints.txt ".[$EXTRAS]"

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 libquadmath0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent service
COPY --from=build /opt/gluon_hash /opt/gluon_hash
# fewer arenas of malloc: memory stays where it is
ENV PATH=/opt/gluon_hash/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
USER 10001
WORKDIR /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["gluon-hash", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["--model", "/data/model/net.manifest.json", "--index", "/data/index"]
