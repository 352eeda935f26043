# The server, its pages and PostgreSQL's driver; no compiler, no Node, no root.
FROM python:3.11-slim-bookworm AS wheels
ENV PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY . .
RUN make/image.sh build /wheels

FROM python:3.11-slim-bookworm
RUN --mount=from=wheels,source=/wheels,target=/wheels \
    --mount=from=wheels,source=/source/make/image.sh,target=/image.sh \
    PIP_ROOT_USER_ACTION=ignore sh /image.sh install /wheels \
    && useradd --create-home --uid 1000 runvane \
    && install --directory --owner runvane --mode 700 /data
USER runvane
ENV RUNVANE_HOME=/data
VOLUME /data
EXPOSE 8470
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8470/healthz')"]
CMD ["runvane", "serve"]
