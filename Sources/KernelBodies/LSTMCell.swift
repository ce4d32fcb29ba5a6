// LSTM and its variants; blocks of `hidden` in the order i, f, g, o, without f where it has no weights of its own.
//
//     i, f, o = σ(p + q + w ⊙ c)    g = a(p + q)    c′ = f ⊙ c + i ⊙ g    h′ = o ⊙ s(c′)
//
// f: a gate of its own (Gers et al. 2000), 1 (Hochreiter and Schmidhuber 1997), or 1 - i (Greff et al. 2017).
// w ⊙ c: peepholes of any of the gates; i and f see c, o sees c′ or c (Gers and Schmidhuber 2000).
// a, s: `Activations`; tanh both in the standard form.
//
// Saved for backward: i, f (where it is a gate), g, o, s(c′).

import CVectors

/// Options by bits: 0 and 1 the forget gate (0 own, 1 none, 2 coupled), 2 to 4 peepholes of i, f and o, 5 whether o sees
/// c, 6 and 7 the number of a, 8 and 9 that of s. 0 is the standard form.
enum LSTMCell: CellKind {
    static func shape(_ options: Int) -> cell_shape {
        let variant = VariantLSTM(options: options)
        let gates = variant.forget == .own ? 4 : 3
        return cell_shape(
            blocks: gates, saved: gates + 1, late_blocks: 0, peepholes: variant.place(of: .end), has_c: 1,
            shares_gradient: 1, has_two_phases: 0)
    }

    @inline(__always)
    static func choose<V: BodyVisitor>(_ options: Int, _ visitor: V) {
        if options == 0 {
            visitor.visit(LSTMBody(form: StandardLSTM()))
        } else {
            visitor.visit(LSTMBody(form: VariantLSTM(options: options)))
        }
    }
}

enum ForgetGate {
    case own, none, coupled
}

enum Peephole: Int {
    case input, forget, output, end
}

/// What the forms of the LSTM differ in. The standard one answers with constants, so that nothing is asked in its loops.
protocol LSTMForm {
    var forget: ForgetGate { get }
    func has(_ peephole: Peephole) -> Bool
    /// Which of the peepholes' rows it is.
    func place(of peephole: Peephole) -> Int
    var outputSeesPrevious: Bool { get }
    func candidate(_ x: Lanes) -> Lanes
    func candidateBackward(_ dy: Lanes, value y: Lanes) -> Lanes
    func state(_ x: Lanes) -> Lanes
    func stateBackward(_ dy: Lanes, value y: Lanes) -> Lanes
}

struct StandardLSTM: LSTMForm {
    var forget: ForgetGate { @inline(__always) get { .own } }
    @inline(__always)
    func has(_ peephole: Peephole) -> Bool { false }
    @inline(__always)
    func place(of peephole: Peephole) -> Int { 0 }
    var outputSeesPrevious: Bool { @inline(__always) get { false } }
    @inline(__always)
    func candidate(_ x: Lanes) -> Lanes { tanh(x) }
    @inline(__always)
    func candidateBackward(_ dy: Lanes, value y: Lanes) -> Lanes { tanhBackward(dy, value: y) }
    @inline(__always)
    func state(_ x: Lanes) -> Lanes { tanh(x) }
    @inline(__always)
    func stateBackward(_ dy: Lanes, value y: Lanes) -> Lanes { tanhBackward(dy, value: y) }
}

struct VariantLSTM: LSTMForm {
    let options: Int

    var forget: ForgetGate {
        @inline(__always) get { options & 3 == 0 ? .own : options & 3 == 1 ? .none : .coupled }
    }
    @inline(__always)
    func has(_ peephole: Peephole) -> Bool { options >> (2 + peephole.rawValue) & 1 != 0 && peephole != .end }
    @inline(__always)
    func place(of peephole: Peephole) -> Int {
        var place = 0
        if peephole.rawValue > 0, has(.input) { place += 1 }
        if peephole.rawValue > 1, has(.forget) { place += 1 }
        if peephole.rawValue > 2, has(.output) { place += 1 }
        return place
    }
    var outputSeesPrevious: Bool { @inline(__always) get { options >> 5 & 1 != 0 } }
    @inline(__always)
    func candidate(_ x: Lanes) -> Lanes { AnyActivation(number: options >> 6 & 3).value(x) }
    @inline(__always)
    func candidateBackward(_ dy: Lanes, value y: Lanes) -> Lanes {
        AnyActivation(number: options >> 6 & 3).backward(dy, value: y)
    }
    @inline(__always)
    func state(_ x: Lanes) -> Lanes { AnyActivation(number: options >> 8 & 3).value(x) }
    @inline(__always)
    func stateBackward(_ dy: Lanes, value y: Lanes) -> Lanes {
        AnyActivation(number: options >> 8 & 3).backward(dy, value: y)
    }
}

private struct LSTMBody<Form: LSTMForm>: CellBody {
    let form: Form

    @inline(__always)
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {
        // The block of g: behind f where there is one.
        let candidate = form.forget == .own ? 2 : 1
        let cPrevious = access.load(s.cPrevious.at(row, unit))
        let i = sigmoid(sum(access, s, row, unit, block: 0, .input, cPrevious))
        let f: Lanes
        switch form.forget {
        case .own: f = sigmoid(sum(access, s, row, unit, block: 1, .forget, cPrevious))
        case .none: f = broadcast(1)
        case .coupled: f = 1 - i
        }
        let g = form.candidate(s.sum(access, row, unit, block: candidate))
        let cNew = multiplyAdd(f, cPrevious, i * g)
        let o = sigmoid(
            sum(access, s, row, unit, block: candidate + 1, .output, form.outputSeesPrevious ? cPrevious : cNew))
        let cState = form.state(cNew)
        access.store(cNew, s.c.at(row, unit))
        access.store(o * cState, s.h.at(row, unit))
        if s.saves {
            s.save(access, i, row, unit, block: 0)
            if form.forget == .own { s.save(access, f, row, unit, block: 1) }
            s.save(access, g, row, unit, block: candidate)
            s.save(access, o, row, unit, block: candidate + 1)
            s.save(access, cState, row, unit, block: candidate + 2)
        }
    }

    /// p + q, and what a gate sees of the cell state.
    @inline(__always)
    private func sum<A: Access>(
        _ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int, block: Int, _ peephole: Peephole, _ c: Lanes
    ) -> Lanes {
        let sum = s.sum(access, row, unit, block: block)
        guard form.has(peephole) else { return sum }
        return multiplyAdd(s.peephole(access, unit, block: form.place(of: peephole)), c, sum)
    }

    /// No path of h goes round the product: dh becomes 0.
    @inline(__always)
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {
        let candidate = form.forget == .own ? 2 : 1
        let i = s.saved(access, row, unit, block: 0)
        let f: Lanes
        switch form.forget {
        case .own: f = s.saved(access, row, unit, block: 1)
        case .none: f = broadcast(1)
        case .coupled: f = 1 - i
        }
        let g = s.saved(access, row, unit, block: candidate)
        let o = s.saved(access, row, unit, block: candidate + 1)
        let cState = s.saved(access, row, unit, block: candidate + 2)
        let cPrevious = access.load(s.cPrevious.at(row, unit))
        let dhNew = access.load(s.dh.at(row, unit))
        let dO = sigmoidBackward(dhNew * cState, value: o)
        var dcNew = access.load(s.dc.at(row, unit)) + form.stateBackward(dhNew * o, value: cState)
        if !form.outputSeesPrevious { dcNew = add(access, s, unit, .output, dO, to: dcNew) }
        let di = sigmoidBackward(dcNew * (form.forget == .coupled ? g - cPrevious : g), value: i)
        let dg = form.candidateBackward(dcNew * i, value: g)
        var dc = add(access, s, unit, .input, di, to: dcNew * f)
        if form.outputSeesPrevious { dc = add(access, s, unit, .output, dO, to: dc) }
        s.store(access, dp: di, row, unit, block: 0)
        if form.forget == .own {
            let df = sigmoidBackward(dcNew * cPrevious, value: f)
            dc = add(access, s, unit, .forget, df, to: dc)
            s.store(access, dp: df, row, unit, block: 1)
        }
        s.store(access, dp: dg, row, unit, block: candidate)
        s.store(access, dp: dO, row, unit, block: candidate + 1)
        access.store(dc, s.dc.at(row, unit))
        access.store(.zero, s.dh.at(row, unit))
    }

    /// The gradient of a gate on its way through its peephole.
    @inline(__always)
    private func add<A: Access>(
        _ access: A, _ s: BackwardOperands, _ unit: Int, _ peephole: Peephole, _ d: Lanes, to dc: Lanes
    ) -> Lanes {
        guard form.has(peephole) else { return dc }
        return multiplyAdd(s.peephole(access, unit, block: form.place(of: peephole)), d, dc)
    }
}
