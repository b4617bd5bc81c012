"""Recordings for the tools that watch over services: metrics for Prometheus, spans for OpenTelemetry.

A process of its own follows the recordings of `wsreplay record`, so that neither relay nor recorder pays for it:

    relay ── status, once a second ──▶ telemetry process ── /metrics, /healthz, /readyz ──▶ Prometheus, Kubernetes
    recorder ──▶ recording ── followed ──▶      │
                                                └── spans (OTLP) ──▶ a collector
"""
