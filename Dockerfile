# Text Eraser: one process, models included, nothing downloaded or written at run time.
# Any engine builds it (no BuildKit features); run it with a read-only root, as docker/compose.yml does.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# A tree of its own, made without pip, that the final stage takes over as it is.
RUN python -m venv --without-pip /opt/text-eraser
# Dependencies first: they change less often than the source, and theirs is the large layer.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > requirements.txt \
    && python -m pip --python /opt/text-eraser/bin/python install --no-cache-dir --no-compile -r requirements.txt
COPY . .
# Their tests and onnxruntime's converters are a tenth of what was installed, and nothing imports them.
# Compiled here: the root is read-only later, so that every start would compile anew.
RUN python -m pip --python /opt/text-eraser/bin/python install --no-cache-dir --no-compile --no-deps . \
    && find /opt/text-eraser -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf /opt/text-eraser/lib/python3*/site-packages/onnxruntime/quantization \
              /opt/text-eraser/lib/python3*/site-packages/onnxruntime/tools \
              /opt/text-eraser/lib/python3*/site-packages/onnxruntime/transformers \
    && /opt/text-eraser/bin/python -m compileall -q /opt/text-eraser/lib \
    && /opt/text-eraser/bin/text-eraser models verify

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Text Eraser" \
      org.opencontainers.image.description="A REST inference microservice that removes text from images." \
      org.opencontainers.image.licenses="Apache-2.0"
# The base brings pip; nothing is installed from here on.
RUN rm -rf "$(python -c 'import pathlib, pip; print(pathlib.Path(pip.__path__[0]).parent)')"/pip* /usr/local/bin/pip*
COPY --from=build /opt/text-eraser /opt/text-eraser
# MALLOC_ARENA_MAX: one heap for all threads; the end of any other would never be given back (service/host.py).
# OPENBLAS_NUM_THREADS: numpy starts no thread for every core of the host before the settings are read.
# ORT_DISABLE_TELEMETRY: ONNX Runtime reports to nobody, whatever imports it.
# TEXT_ERASER_LIMIT_MEMORY: near the container's limit an image is refused with 503, instead of the process killed.
ENV PATH=/opt/text-eraser/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=1 \
    OPENBLAS_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1 \
    TEXT_ERASER_LIMIT_MEMORY=true
USER 10001:10001
WORKDIR /
EXPOSE 8000
# Asks /readyz at TEXT_ERASER_PORT. To serve on another port set that variable; after `--port` this check asks in vain.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "service.health"]
ENTRYPOINT ["text-eraser", "serve", "--host", "0.0.0.0"]
