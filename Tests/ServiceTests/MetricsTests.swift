import Testing

@testable import Service

@Suite struct MetricsTests {
    @Test("counters, gauges and histograms are rendered as Prometheus reads them")
    func rendering() {
        let metrics = Metrics()
        let requests = Metrics.Family(.counter, "timestep_requests_total", "Requests.", labels: ["route"])
        metrics.add(to: requests, ["a\"b\\c\nd"])
        metrics.add(2, to: requests, ["z"])
        let seconds = Metrics.Family(.histogram, "timestep_seconds", "Time.", buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 5] { metrics.observe(value, in: seconds) }
        metrics.follow(Metrics.Family(.gauge, "timestep_open", "Open.")) { [([], 3)] }
        #expect(
            metrics.render() == """
                # HELP timestep_open Open.
                # TYPE timestep_open gauge
                timestep_open 3
                # HELP timestep_requests_total Requests.
                # TYPE timestep_requests_total counter
                timestep_requests_total{route="a\\"b\\\\c\\nd"} 1
                timestep_requests_total{route="z"} 2
                # HELP timestep_seconds Time.
                # TYPE timestep_seconds histogram
                timestep_seconds_bucket{le="0.1"} 2
                timestep_seconds_bucket{le="1"} 3
                timestep_seconds_bucket{le="+Inf"} 4
                timestep_seconds_sum 5.65
                timestep_seconds_count 4

                """)
    }

    @Test("a label with endless values does not grow the table without end")
    func bounded() {
        let metrics = Metrics()
        let family = Metrics.Family(.counter, "timestep_x_total", "X.", labels: ["model"])
        for index in 0..<(Metrics.maximumSeries + 500) { metrics.add(to: family, ["m\(index)"]) }
        let lines = metrics.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count == Metrics.maximumSeries + 1)
        #expect(lines.contains("timestep_x_total{model=\"other\"} 500"))
    }
}
