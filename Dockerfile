# wsreplay in a container:  docker build -t wsreplay .   (--build-arg EXTRAS='[metrics,otel]' adds extras)
FROM python:3.13-slim
ARG EXTRAS=""
COPY pyproject.toml README.md LICENSE /source/
COPY wsreplay /source/wsreplay
COPY docs /source/docs
RUN pip install --no-cache-dir "/source$EXTRAS" && rm -r /source && useradd --create-home wsreplay \
    && install --directory --owner wsreplay /recordings
USER wsreplay
WORKDIR /recordings
VOLUME /recordings
EXPOSE 8765
ENTRYPOINT ["wsreplay"]
CMD ["--help"]
