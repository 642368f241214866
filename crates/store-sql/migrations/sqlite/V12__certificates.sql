-- What a connection authenticates by beside a pre-shared key, or in its place: sealed as one, since a private key is in it.
ALTER TABLE connections ADD COLUMN credentials BLOB;
