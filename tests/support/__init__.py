"""What the tests share: servers, certificates, models, raw connections and faults."""
