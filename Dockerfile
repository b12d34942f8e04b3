# syntax=docker/dockerfile:1
# docker build -t cscx-salesloft .                            the service
# docker build -t cscx-salesloft-sandbox --target sandbox .   Salesloft's simulator, for a laptop
ARG PYTHON=3.11-slim-trixie

FROM python:${PYTHON} AS base
# Python writes no bytecode into a file system that is read-only where it is run with care, and logs as they happen.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH

FROM base AS requirements
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /source
# The requirements first: they change less often than the code, and so stay in the cache.
COPY requirements/runtime.txt requirements/
RUN python -m pip install --require-hashes -r requirements/runtime.txt

FROM requirements AS laptop
COPY requirements/laptop.txt requirements/
RUN python -m pip install --require-hashes -r requirements/laptop.txt

# What browsers load of others is in no repository: it is fetched by its lock, and packed with our own.
FROM laptop AS assets
COPY . .
RUN CSCX_SALESLOFT_CACHE=/tmp/cache python -m sandbox.assets

FROM requirements AS builder
COPY requirements/build.txt requirements/
RUN python -m venv /opt/build && /opt/build/bin/python -m pip install --require-hashes -r requirements/build.txt
COPY . .
COPY --from=assets /source/web/pages/static/vendor web/pages/static/vendor
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m pip install --no-deps /wheels/*.whl

FROM laptop AS sandbox-builder
COPY --from=builder /wheels /wheels
RUN python -m pip install --no-deps /wheels/*.whl

FROM base AS runtime
RUN groupadd --gid 10001 cscx && useradd --uid 10001 --gid cscx --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin cscx
USER 10001:10001

FROM runtime AS sandbox
COPY --from=sandbox-builder /opt/venv /opt/venv
EXPOSE 8100
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8100/sandbox/clock', timeout=3)"]
ENTRYPOINT ["python", "-m", "sandbox.salesloft", "--host", "0.0.0.0"]

# Last, so that it is what is built where no target is named.
FROM runtime AS service
COPY --from=builder /opt/venv /opt/venv
ENV CSCX_SALESLOFT_HTTP_HOST=0.0.0.0 CSCX_SALESLOFT_HTTP_PORT=8080
EXPOSE 8080
# 503 where waiting work makes no progress, which urlopen raises; a neighbour that is away leaves it alive.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
  CMD ["python", "-c", "import os; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{os.environ[\"CSCX_SALESLOFT_HTTP_PORT\"]}/health/live', timeout=3)"]
ENTRYPOINT ["cscx-salesloft"]
CMD ["run"]
