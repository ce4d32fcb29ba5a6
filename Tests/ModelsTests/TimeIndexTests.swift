import Models
import Networks
import Testing

@Suite("Time labels")
struct TimeIndexTests {
    static let series: [(labels: [String], next: [String], season: Int?)] = [
        (["1960-10", "1960-11", "1960-12"], ["1961-01", "1961-02"], 12),
        (["1960/11", "1960/12"], ["1961/01", "1961/02"], 12),
        (["2016Q2", "2016Q3"], ["2016Q4", "2017Q1"], 4), (["2016-Q3", "2016-Q4"], ["2017-Q1", "2017-Q2"], 4),
        (["2007", "2008"], ["2009", "2010"], nil), (["0", "5", "10"], ["15", "20"], nil),
        (["-2", "-1"], ["0", "1"], nil), (["3", "2", "1"], ["0", "-1"], nil),
        (["2000-02-27", "2000-02-28"], ["2000-02-29", "2000-03-01"], 7),
        (["1900-02-27", "1900-02-28"], ["1900-03-01", "1900-03-02"], 7),
        (["2001-12-22", "2001-12-29"], ["2002-01-05", "2002-01-12"], 52),
        (["1999-11-01", "1999-12-01"], ["2000-01-01", "2000-02-01"], 12),
        (["1999-11-15", "1999-12-15"], ["2000-01-15", "2000-02-15"], 12),
        (["1999-12-31", "2000-01-31"], ["2000-02-29", "2000-03-31"], 12),
        (["2000-03-31", "2000-06-30", "2000-09-30"], ["2000-12-31", "2001-03-31"], 4),
        (["2024-12-31T22:00", "2024-12-31T23:00"], ["2025-01-01T00:00", "2025-01-01T01:00"], 24),
        (["2024-12-31 23:59:30", "2024-12-31 23:59:45"], ["2025-01-01 00:00:00", "2025-01-01 00:00:15"], nil),
        (["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"], ["2024-01-03T00:00:00Z", "2024-01-04T00:00:00Z"], 7),
        (
            ["2024-01-01T00:00:00+01:00", "2024-01-01T01:00:00+01:00"],
            ["2024-01-01T02:00:00+01:00", "2024-01-01T03:00:00+01:00"], 24
        ),
        (["1969-12-31", "1970-01-01"], ["1970-01-02", "1970-01-03"], 7),
        (["0001-01-01", "0001-01-02"], ["0001-01-03", "0001-01-04"], 7),
    ]

    @Test("labels go on as a person would continue them", arguments: series)
    func continues(labels: [String], next: [String], season: Int?) throws {
        let index = try #require(TimeIndex(labels: labels))
        #expect((1...2).map(index.label(after:)) == next)
        #expect(index.season == season)
        #expect(index.label(after: 0) == labels[labels.count - 1])
        #expect(index.moved(by: -1)?.label(after: 0) == labels[labels.count - 2])
    }

    @Test(
        "labels without a rule have none",
        arguments: [
            [], ["2000"], ["2000", "2000"], ["1960-01", "1960-03", "1960-04"], ["1960-01", "1960-13"],
            ["jan", "feb"], ["2001-02-28", "2001-02-29"], ["2016Q4", "2016Q5"], ["", ""], ["1960-01", "1960-02-01"],
            ["9223372036854775807", "-9223372036854775808"], ["2024-12-31T24:00", "2024-12-31T25:00"],
        ])
    func refuses(labels: [String]) { #expect(TimeIndex(labels: labels) == nil) }

    static let orders: [(labels: [String], order: TimeIndex.Order)] = [
        (["2020-01", "2020-02", "2020-03"], .even), (["2020-01-31", "2020-02-29", "2020-03-31"], .even),
        (["2020-01", "2020-02", "2020-04"], .uneven(row: 2)), (["2020-01-03", "2020-01-06"], .even),
        (["2020-01-02", "2020-01-03", "2020-01-06"], .uneven(row: 2)),
        (["2020-03", "2020-02", "2020-01"], .notLater(row: 1)), (["2020-01", "2020-02", "2020-02"], .notLater(row: 2)),
        (["1", "2", "4", "3"], .notLater(row: 3)), (["1949.0", "1949.25", "1949.5"], .even),
        (["1949.0", "1949.5", "1949.25"], .notLater(row: 2)), (["mon", "tue"], .unknown), ([], .unknown),
        (["01/31/2020", "02/29/2020"], .unknown), (["2020-01-01T00:00Z", "2020-01-01T00:00+01:00"], .unknown),
    ]

    @Test("labels of a known form tell whether they run forwards, evenly or not", arguments: orders)
    func order(labels: [String], order: TimeIndex.Order) { #expect(TimeIndex.survey(labels).order == order) }

    @Test(
        "labels of many bytes and few characters are read as bytes",
        arguments: [
            "2021年2月10日", "年年年年年年", "2021-01-01Té0:00", "2021-01-01T00:0\u{301}", "2021\r\n01", "١٩٦١-٠١",
            "2021Q\u{662}",
        ])
    func bytes(label: String) {
        #expect(TimeIndex.survey([label, "b"]).index == nil)
        #expect(TimeIndex.survey([label, label]).index == nil)
    }

    @Test("a rule that leads out of the numbers has no labels there, and every nearer one")
    func farLabels() throws {
        let index = try #require(TimeIndex(labels: ["-9999999999999999", "99999999999999999"]))
        #expect(index.label(after: 1) == "209999999999999997")
        #expect(index.label(after: 100_000) == nil && index.moved(by: Int.max) == nil)
        let years = try #require(TimeIndex(labels: ["0000-01-01", "9999-12-31"]))
        #expect(years.label(after: 100_000) != nil && years.label(after: Int.min) == nil)
    }

    @Test("every day of four centuries goes on to the right day")
    func calendar() throws {
        let index = try #require(TimeIndex(labels: ["1900-01-01", "1900-01-02"]))
        let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var place = -1
        for year in 1900..<2300 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for month in 1...12 {
                for day in 1...(days[month - 1] + (isLeap && month == 2 ? 1 : 0)) {
                    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
                    #expect(index.label(after: place) == "\(year)-\(two(month))-\(two(day))")
                    place += 1
                }
            }
        }
    }
}
