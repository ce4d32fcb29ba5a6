import Models
import NamedFields
import Networks
import Training

/// What a state of a session has to be, whoever made it.
extension Service {
    /// The state, if it is one of the model.
    func checked(_ given: GivenState, of origin: StateOrigin, _ loaded: LoadedModel) throws -> SessionState {
        try origin.require(loaded.served)
        // What does not fit has a place for no number; the check tells.
        let values = loaded.predictor.network.stateLayout.values(of: given.parts)
        let network = NetworkState(values: values ?? [], steps: given.networkStep)
        return try checked(
            SessionState(step: given.step, live: ModelState(network: network, lags: given.lags)), loaded,
            fits: values != nil)
    }

    /// The state, if it is one that the model can go on from.
    func checked(_ state: SessionState, _ loaded: LoadedModel, fits: Bool = true) throws -> SessionState {
        var findings: [Violation] = []
        let (live, lag) = (state.live, loaded.model.lag)
        if !fits {
            findings.append(
                Violation(
                    "state",
                    detail: "not of the shape of \(loaded.served.name): expected "
                        + loaded.predictor.network.stateLayout.summary))
        } else if !live.network.isFinite || !live.lags.allSatisfy({ $0.allSatisfy(\.isFinite) }) {
            findings.append(Violation("state", detail: "every number must be finite"))
        }
        for (name, count) in [("step", state.step), ("network_step", live.network.steps)]
        where !(0...ModelLimit.steps).contains(count) {
            findings.append(
                Violation(
                    "state", .key(name), detail: "\(count) is outside the range from 0 to \(ModelLimit.steps)"))
        }
        let width = loaded.model.inputs.laggedColumns
        let isShort = live.network.steps > 0 && live.lags.count < lag
        if live.lags.count > lag || isShort || live.lags.contains(where: { $0.count != width }) {
            findings.append(
                Violation(
                    "state", "lags",
                    detail: "expected the last \(lag) rows of \(width) numbers that differencing looks back on"))
        } else if let refusal = loaded.model.inputs.refusal(ofLags: live.lags) {
            findings.append(Violation("state", "lags", detail: refusal))
        }
        guard findings.isEmpty else { throw ServiceError.invalid(findings) }
        return state
    }

    /// Numbers that are none cannot be told as JSON, and no session could go on from them.
    func restorable(_ state: SessionState, _ id: String) throws -> SessionState {
        if state.network.isFinite { return state }
        throw ServiceError(
            .conflict,
            "the network of session \"\(id)\" has overflowed, and its state holds numbers that are none; reset the session, or "
                + "restore an earlier state")
    }

    /// A restored state may stand near the end of what steps are counted to.
    func checkCount(_ state: SessionState, after rows: Int, _ id: String) throws {
        let taken = max(state.step, state.network.steps)
        guard rows <= ModelLimit.steps - taken else {
            throw ServiceError(
                .conflict,
                "session \"\(id)\" has taken \(taken) rows, and \(ModelLimit.steps) are the most that are counted; reset "
                    + "it to begin anew")
        }
    }
}

extension InputTransforms {
    /// What keeps rows that differencing looks back on from having been rows of this model: a session that began with
    /// them could take no row at all.
    fileprivate func refusal(ofLags lags: [[Double]]) -> String? {
        for column in 0..<laggedColumns {
            do { _ = try columns[column].forward(lags.map { $0[column] }, column: column) } catch {
                return "number \(column + 1) of a row: \(error.reason.sentence)"
            }
        }
        return nil
    }
}
