import GRDB

/// The tables, as steps that lead from an empty file to this version.
///
/// A step that was released is never changed; a new one is added at the end. A database that knows more steps than the
/// program is refused.
enum Schema {
    static let jobs = "1 datasets and jobs"
    static let registry = "2 models, versions, aliases and their log"
    static let idempotency = "3 idempotency keys"
    static let precision = "4 the precision of a model"
    static let folder = "5 the folder's own row"

    static func migrator() -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration(jobs) { try $0.execute(sql: jobsSQL) }
        migrator.registerMigration(registry) { try $0.execute(sql: registrySQL) }
        migrator.registerMigration(idempotency) { try $0.execute(sql: idempotencySQL) }
        migrator.registerMigration(precision) { try $0.execute(sql: precisionSQL) }
        migrator.registerMigration(folder) { try $0.execute(sql: folderSQL) }
        return migrator
    }

    // Times are microseconds since 1970. A NaN is stored as NULL (SQLite has no other).
    private static let jobsSQL = """
        CREATE TABLE datasets (
            id TEXT PRIMARY KEY NOT NULL,
            origin TEXT NOT NULL CHECK (origin IN ('upload', 'inline')),
            format TEXT NOT NULL,
            schema TEXT NOT NULL,
            rows INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            digest TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            last_used_at INTEGER NOT NULL
        ) STRICT;

        -- A queued job's attempt was in no worker's hands yet: taken = 0.
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY NOT NULL,
            model TEXT NOT NULL,
            version INTEGER,
            status TEXT NOT NULL
                CHECK (status IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
            wish TEXT CHECK (wish IN ('cancel', 'pause')),
            attempt INTEGER NOT NULL CHECK (attempt >= 1),
            taken INTEGER NOT NULL CHECK (taken IN (0, 1)),
            losses INTEGER NOT NULL DEFAULT 0,
            queue_order INTEGER NOT NULL,
            spec TEXT NOT NULL,
            seed INTEGER NOT NULL,
            dataset_id TEXT REFERENCES datasets (id) ON DELETE SET NULL,
            dataset_digest TEXT NOT NULL,
            fraction REAL,
            epoch INTEGER,
            epochs INTEGER,
            step INTEGER,
            steps INTEGER,
            eta_seconds REAL,
            checkpoints INTEGER NOT NULL DEFAULT 0,
            error_code TEXT,
            error_detail TEXT,
            report TEXT,
            worker TEXT,
            lease_until INTEGER,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            CHECK ((status = 'running') = (lease_until IS NOT NULL)),
            CHECK (status = 'running' OR wish IS NULL),
            CHECK ((status = 'succeeded') = (version IS NOT NULL)),
            CHECK ((status = 'failed') = (error_code IS NOT NULL)),
            CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
            CHECK (finished_at IS NOT NULL OR dataset_id IS NOT NULL)
        ) STRICT;
        CREATE INDEX jobs_queue ON jobs (status, queue_order);
        CREATE INDEX jobs_order ON jobs (queue_order);
        CREATE INDEX jobs_dataset ON jobs (dataset_id);
        CREATE INDEX jobs_model ON jobs (model, id);

        CREATE TABLE job_metrics (
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            value REAL,
            PRIMARY KEY (job_id, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            attempt INTEGER NOT NULL,
            kind TEXT NOT NULL,
            status TEXT,
            payload TEXT,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX events_job ON events (job_id, sequence);
        CREATE INDEX events_at ON events (at);

        CREATE TABLE checkpoints (
            job_id TEXT NOT NULL REFERENCES jobs (id),
            number INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            step INTEGER NOT NULL,
            file TEXT NOT NULL UNIQUE,
            bytes INTEGER NOT NULL,
            digest TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (job_id, number)
        ) STRICT, WITHOUT ROWID;
        """

    // The log refers to names and numbers, not to rows: it outlives them. Rows of it are never changed or deleted.
    private static let registrySQL = """
        CREATE TABLE models (
            name TEXT PRIMARY KEY NOT NULL,
            description TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE model_tags (
            model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (model, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE versions (
            model TEXT NOT NULL REFERENCES models (name),
            number INTEGER NOT NULL CHECK (number >= 1),
            imported INTEGER NOT NULL CHECK (imported IN (0, 1)),
            job_id TEXT,
            dataset_digest TEXT,
            seed INTEGER,
            code_version TEXT NOT NULL,
            description TEXT NOT NULL,
            report TEXT,
            file TEXT NOT NULL UNIQUE,
            bytes INTEGER NOT NULL,
            digest TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (model, number)
        ) STRICT;
        -- A job publishes once. An imported file may name a job of another server.
        CREATE UNIQUE INDEX versions_job ON versions (job_id) WHERE NOT imported;
        CREATE TRIGGER versions_are_immutable BEFORE UPDATE ON versions
        BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;

        CREATE TABLE version_metrics (
            model TEXT NOT NULL,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            value REAL,
            PRIMARY KEY (model, number, name),
            FOREIGN KEY (model, number) REFERENCES versions (model, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE aliases (
            model TEXT NOT NULL,
            alias TEXT NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (model, alias),
            FOREIGN KEY (model, number) REFERENCES versions (model, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX aliases_version ON aliases (model, number);

        CREATE TABLE registry_log (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            model TEXT NOT NULL,
            kind TEXT NOT NULL,
            alias TEXT,
            version INTEGER,
            digest TEXT,
            job_id TEXT,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX registry_log_model ON registry_log (model, sequence);
        CREATE INDEX registry_log_alias ON registry_log (model, alias, sequence);
        CREATE TRIGGER registry_log_keeps_lines BEFORE DELETE ON registry_log
        BEGIN SELECT RAISE(ABORT, 'lines of the registry log are never deleted'); END;
        CREATE TRIGGER registry_log_keeps_words BEFORE UPDATE ON registry_log
        BEGIN SELECT RAISE(ABORT, 'lines of the registry log are never changed'); END;
        """

    // running: its request is being answered. interrupted: the server ended before it was, after `resource` was made.
    private static let idempotencySQL = """
        CREATE TABLE idempotency (
            scope TEXT NOT NULL,
            key TEXT NOT NULL,
            digest TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('running', 'interrupted', 'answered')),
            resource TEXT,
            status INTEGER,
            headers TEXT,
            body BLOB,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (scope, key),
            CHECK ((state = 'answered') = (status IS NOT NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotency_created ON idempotency (created_at);
        """

    // What networks compute in where a request does not say: models from before computed in nothing else.
    private static let precisionSQL = "ALTER TABLE models ADD COLUMN precision TEXT NOT NULL DEFAULT 'float32';"

    // Exactly one row. `generation` counts the commits: see FolderMark. `boot` and `clock_offset` are the boot of the
    // machine that leases are reckoned in, and what its clock lacks to the time of day: see LeaseClock.
    private static let folderSQL = """
        CREATE TABLE folder (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            identity TEXT NOT NULL,
            generation INTEGER NOT NULL,
            boot TEXT NOT NULL DEFAULT '',
            clock_offset INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        INSERT INTO folder (id, identity, generation) VALUES (1, lower(hex(randomblob(16))), 0);
        """
}
