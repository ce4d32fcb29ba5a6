import Formats
import Testing

@testable import timestep

@Suite("Plots")
struct PlotTests {
    static let wide = Terminal(isInteractive: true, showsColour: false, showsUnicode: true, columns: 80)

    @Test("a rising series is drawn rising, in plain text")
    func plainRise() {
        let plot = Plot(title: "t", series: [Plot.Series("", [0, 1, 2, 3, 4], mark: "*")], height: 5)
        let lines = plot.lines(for: .plain)
        let columns = lines[1...5].map { line in
            line.firstIndex(of: "*").map { line.distance(from: line.startIndex, to: $0) }
        }
        // The first row is the highest: its mark stands furthest right.
        #expect(columns.allSatisfy { $0 != nil })
        #expect(columns.compactMap { $0 } == columns.compactMap { $0 }.sorted(by: >))
    }

    @Test("every value of a plain plot has its mark when there is room")
    func plainMarks() {
        let values = (0..<24).map { Double($0 % 7) }
        let lines = Plot(title: "t", series: [Plot.Series("", values, mark: "x")]).lines(for: .plain)
        #expect(lines.dropFirst().joined().filter { $0 == "x" }.count == 24)
    }

    @Test("Braille dots stand where the values are")
    func brailleCorners() throws {
        let plot = Plot(title: "t", series: [Plot.Series("", [0, 1], isDotted: true)], height: 2)
        let lines = plot.lines(for: Self.wide)
        let top = try #require(lines[1].last)
        let bottom = try #require(lines[2].split(separator: "┤").last?.first)
        #expect(top == "\u{2808}")  // upper right dot
        #expect(bottom == "\u{2840}")  // lower left dot
    }

    @Test("a line between two points has no holes")
    func continuity() {
        let plot = Plot(title: "t", series: [Plot.Series("", [0, 10, 0])], height: 6)
        for line in plot.lines(for: Self.wide)[1...6] {
            #expect(line.unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) }, "\(line)")
        }
    }

    @Test(
        "odd series are drawn without a fault",
        arguments: [
            [Double?](), [nil, nil], [5], [3, 3, 3], [.nan, 1, 2], [Double.infinity, -Double.infinity, 1],
            [1e300, -1e300], [0, 0],
            [-1, -2, nil, -4],
        ])
    func oddSeries(values: [Double?]) {
        for scale in [Plot.Scale.linear, .logarithmic] {
            for terminal in [Terminal.plain, Self.wide] {
                let plot = Plot(title: "t", series: [Plot.Series("a", values)], scale: scale)
                #expect(!plot.lines(for: terminal).isEmpty)
            }
        }
    }

    @Test("plain output is ASCII and fits the width", arguments: [40, 80, 200])
    func plainIsASCII(columns: Int) {
        var terminal = Terminal.plain
        terminal.columns = columns
        let values = (0..<500).map { Double($0 * $0 % 97) }
        let lines = Plot(
            title: "loss", series: [Plot.Series("a", values), Plot.Series("b", values.reversed())], firstLabel: "1",
            lastLabel: "500"
        ).lines(for: terminal)
        for line in lines {
            #expect(line.utf8.count == line.count, "\(line)")
            #expect(line.count <= max(40, min(columns, Terminal.widestUseful)), "\(line)")
        }
    }

    @Test("colours appear only where the terminal has them")
    func colours() {
        let series = [Plot.Series("a", [1, 2, 3], colour: .red)]
        var terminal = Self.wide
        #expect(!Plot(title: "t", series: series).lines(for: terminal).joined().contains("\u{1B}"))
        terminal.showsColour = true
        #expect(Plot(title: "t", series: series).lines(for: terminal).joined().contains("\u{1B}[31m"))
    }

    @Test("a logarithmic axis names the values and not their logarithms")
    func logarithmicAxis() {
        let plot = Plot(title: "t", series: [Plot.Series("", [0.01, 0.1, 1])], scale: .logarithmic, height: 5)
        let lines = plot.lines(for: .plain)
        #expect(lines[1].contains("1.000|"))
        #expect(lines[3].contains("0.1000|"))
        #expect(lines[5].contains("0.01000|") || lines[5].contains("0.0100|"))
    }

    @Test("a forecast is matched to what happened by the labels of its rows")
    func forecastAlignment() throws {
        let csv = "month,y\n2000-01,1\n2000-02,2\n2000-03,3\n2000-04,4\n2000-05,5\n"
        let plot = try ForecastPlot(
            answer: [
                "outputs": [[[3.5], [4.5]]], "targets": ["y"], "index": [["2000-03", "2000-04"]],
            ], truth: Series(csv: csv), target: "y")
        #expect(plot.truth == [3, 4])
        #expect(plot.history == [1, 2])
        #expect(plot.rootMeanSquaredError == 0.5)
        #expect(plot.lines(for: .plain)[0].contains("what happened"))
    }

    @Test("a forecast beyond the end of the file has nothing to be compared with")
    func forecastBeyondEnd() throws {
        let plot = try ForecastPlot(
            answer: ["outputs": [[[3.5]]], "targets": ["y"], "index": [["2000-06"]]],
            truth: Series(csv: "month,y\n2000-04,4\n2000-05,5\n"), target: "y")
        #expect(plot.truth.isEmpty && plot.rootMeanSquaredError == nil)
        #expect(plot.history == [4, 5] && plot.firstLabel == "2000-04")
        #expect(plot.doubt?.contains("2000-06") == true)
    }

    @Test("rows are matched one by one, whichever column names them and wherever they stand in the file")
    func forecastRows() throws {
        let answer: JSON = [
            "outputs": [[[3.5], [4.5], [5.5], [6.5]]], "targets": ["y"], "index": [["7", "8", "9", "10"]],
        ]
        // The numbers of y and of k are labels of the forecast too, and fewer.
        let csv = "y,k,day\n7,9,5\n8,1,6\n9,1,8\n10,1,9\n11,1,11\n12,1,12\n"
        let plot = try ForecastPlot(answer: answer, truth: Series(csv: csv), target: "y")
        #expect(plot.truth == [nil, 9, 10, nil])
        #expect(plot.history == [7, 8] && plot.firstLabel == "5" && plot.doubt == nil)
        #expect(plot.rootMeanSquaredError == 4.5)
    }

    @Test("a file that has nothing of the forecast's dates is compared with nothing, and that is said")
    func foreignFile() throws {
        let plot = try ForecastPlot(
            answer: ["outputs": [[[3.5]]], "targets": ["y"], "index": [["2000-06"]]],
            truth: Series(csv: "month,y\n1990-04,4\n1990-05,5\n"), target: "y")
        #expect(plot.truth.isEmpty && plot.history.isEmpty)
        #expect(plot.doubt?.contains("\"2000-06\"") == true)
    }

    @Test("a forecast without dates is laid beside the last rows, and that is said")
    func undated() throws {
        let plot = try ForecastPlot(
            answer: ["outputs": [[[3.5], [4.5]]], "targets": ["y"]], truth: Series(csv: "y\n1\n2\n3\n4\n"), target: "y")
        #expect(plot.truth == [3, 4] && plot.history == [1, 2])
        #expect(plot.doubt?.contains("last 2 rows") == true)
    }
}
