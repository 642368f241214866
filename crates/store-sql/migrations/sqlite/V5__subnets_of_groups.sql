-- A subnet is found in groups by its id as it is written everywhere else, however a user wrote it in
-- the group. One that was written in two ways is there once more than it need be.
UPDATE OR IGNORE endpoints
SET endpoint = (
    SELECT substr(bare, 1, 8) || '-' || substr(bare, 9, 4) || '-' || substr(bare, 13, 4) || '-'
        || substr(bare, 17, 4) || '-' || substr(bare, 21)
    FROM (SELECT lower(replace(endpoints.endpoint, '-', '')) AS bare)
)
WHERE endpoint_group IN (SELECT id FROM endpoint_groups WHERE kind = '"subnet"');
