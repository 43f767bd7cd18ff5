"""What others measured: Prometheus' view of the traffic, and the baselines fitted from its past and from ours."""
