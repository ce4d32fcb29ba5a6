import Formats
import NamedFields
import Networks
import Service
import Store

extension JSONWriter {
    mutating func model(_ model: ModelInfo) {
        object { writer in
            writer.member("object", "model")
            writer.member("name", model.name)
            writer.member("description", model.description)
            writer.member("tags", model.tags)
            writer.member("precision", model.precision)
            writer.key("versions")
            writer.array { writer in for version in model.versions { writer.int(version) } }
            writer.key("aliases")
            writer.object { writer in
                for (alias, version) in model.aliases.sorted(by: { $0.key < $1.key }) { writer.member(alias, version) }
            }
            writer.member("created_at", Timestamp.text(model.createdAt))
            writer.member("updated_at", Timestamp.text(model.updatedAt))
        }
    }

    /// - Parameter summary: nil where the stored text is none that this program can read.
    mutating func version(_ version: ModelVersion, _ summary: VersionSummary?, aliases: [String]) {
        object { writer in
            writer.member("object", "version")
            writer.member("model", version.model)
            writer.member("version", version.version)
            writer.member("aliases", aliases)
            writer.key("task")
            if let summary { writer.task(summary) } else { writer.null() }
            writer.key("network")
            if let summary { writer.network(summary.network) } else { writer.null() }
            writer.member("parameters", summary?.parameterCount)
            writer.member("metrics", version.metrics)
            writer.member("report", stored: version.report)
            writer.key("lineage")
            writer.lineage(version.lineage)
            writer.member("bytes", version.bytes)
            writer.member("digest", version.digest)
            writer.member("created_at", Timestamp.text(version.createdAt))
        }
    }

    private mutating func task(_ summary: VersionSummary) {
        object { writer in
            writer.member("kind", summary.kind.rawValue)
            writer.member("inputs", summary.inputNames)
            switch summary.kind {
            case .forecast:
                writer.member("targets", summary.outputNames)
                writer.member("features", Array(summary.inputNames.dropFirst(summary.outputNames.count)))
                writer.member("lookback", summary.lookback)
                writer.member("horizon", summary.horizon)
                writer.member("season", summary.season)
                writer.member("history", summary.lookback.map { $0 + summary.transform.lag })
            case .classify:
                writer.member("labels", summary.outputNames)
                writer.member("pool", summary.network.readout.rawValue)
            case .label:
                writer.member("answers", summary.answers.rawValue)
                writer.member("labels", summary.outputNames)
                if let split = summary.split {
                    writer.member("split", split.rawValue)
                    writer.member("symbols", summary.symbolCount)
                }
            }
            writer.key("transform")
            writer.array { writer in for step in summary.transform { writer.value(WordForm().write(step)) } }
        }
    }

    private mutating func network(_ network: NetworkDescription) {
        object { writer in
            writer.member("inputs", network.inputs)
            writer.member("outputs", network.outputs)
            writer.key("layers")
            writer.array { writer in for layer in network.layers { writer.fields(layer) } }
            writer.key("dropout")
            writer.float(network.dropout)
            writer.key("output_dropout")
            writer.float(network.outputDropout)
            writer.member("head", network.head.rawValue)
        }
    }

    private mutating func lineage(_ lineage: Lineage) {
        object { writer in
            writer.member("job", lineage.job)
            writer.member("dataset_digest", lineage.datasetDigest)
            writer.member("seed", lineage.seed)
            writer.member("code_version", lineage.codeVersion)
        }
    }

    mutating func alias(_ alias: AliasState, of model: String) {
        object { writer in
            writer.member("object", "alias")
            writer.member("model", model)
            writer.member("alias", alias.alias)
            writer.member("version", alias.version)
            writer.member("since", alias.since.map(Timestamp.text))
        }
    }

    mutating func logEntry(_ entry: RegistryEntry) {
        object { writer in
            writer.member("object", "log_entry")
            writer.member("id", Int(entry.sequence))
            writer.member("model", entry.model)
            writer.member("kind", entry.kind.rawValue)
            writer.member("alias", entry.alias)
            writer.member("version", entry.version)
            writer.member("digest", entry.digest)
            writer.member("job", entry.job)
            writer.member("at", Timestamp.text(entry.at))
        }
    }
}
