import NamedFields
import Networks
import Testing
import Training

/// Fields of layers far out of their bounds: told with their place, whatever the others are.
@Suite("Bounds of layers")
struct LayerBoundsTests {
    @Test("whole numbers of a layer at the ends of what can be said, in pairs, are refused and end nothing")
    func pairs() throws {
        let extremes = [FieldValue.largestExactInteger, -FieldValue.largestExactInteger, -1, 0, .max, .min]
        var tried = 0
        for variant in FieldOutline(LayerSpec.self).variants {
            let names = variant.fields.filter { if case .whole = $0.shape { true } else { false } }.map(\.name)
            for first in names {
                for second in names {
                    for (one, other) in extremes.flatMap({ one in extremes.map { (one, $0) } }) {
                        var members = variant.kinds
                        members.append(FieldMember("bidirectional", .flag(tried % 2 == 0)))
                        members.append(FieldMember(first, .integer(one)))
                        if second != first { members.append(FieldMember(second, .integer(other))) }
                        var layer = LayerSpec()
                        var findings = FieldFindings()
                        FieldReader.read(.members(members), into: &layer, &findings)
                        let spec = TrainingSpec(
                            task: TaskSpec(.label), network: NetworkSpec { $0.layers = [layer, layer] })
                        #expect(!(spec.violations().isEmpty && findings.all.isEmpty), "\(members)")
                        tried += 1
                    }
                }
            }
        }
        #expect(tried > 500)
    }

    @Test("a layer that would carry more from step to step than is kept is refused, and one within the bound is not")
    func carried() {
        func told(_ layer: LayerDescription, inputs: Int) -> [String] {
            var findings = FieldFindings()
            [layer].noteConflicts(inputs: inputs, &findings)
            return findings.all.list.map(\.description)
        }
        let delays = LayerDescription.timeDelay(2, taps: 2, dilation: 65_536)
        #expect(told(delays, inputs: 256) == [])
        #expect(told(delays, inputs: 257).count == 1)
    }
}
