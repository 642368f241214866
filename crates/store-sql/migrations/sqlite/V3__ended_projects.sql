-- A project that ended is there for what still belongs to it alone, until that is deleted.
ALTER TABLE projects ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
