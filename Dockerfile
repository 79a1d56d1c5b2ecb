# The image of docker-compose.yaml: this project in an environment that is the lock, hash by hash.
FROM python:3.11.15-slim-bookworm AS built
RUN apt-get update \
  && apt-get install --yes --no-install-recommends make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY Makefile pyproject.toml requirements.txt README.md ./
COPY plugins plugins
RUN make venv

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --create-home privacy \
  && install --directory --owner privacy --group privacy --mode 0700 /state /logs /app/.state
WORKDIR /app
COPY --from=built /app/.venv .venv
# Root's: who runs it cannot change it.
COPY . .
RUN .venv/bin/python -m compileall -q plugins dags include
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER privacy
