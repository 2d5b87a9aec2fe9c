-- Who has a role that dataset.personas names, so that a later run, whose source tells less, still knows: a newer
-- export holds only those who wrote since. Kept of people whose words may be used only, and of no other role.
CREATE TABLE role_holders (
    role_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL, -- the role's
    PRIMARY KEY (role_id, user_id)
) WITHOUT ROWID;
CREATE TRIGGER role_holders_of_removed AFTER DELETE ON authors BEGIN
    DELETE FROM role_holders WHERE user_id = old.id;
END;
CREATE TRIGGER role_holders_of_opted_out AFTER INSERT ON opt_outs BEGIN
    DELETE FROM role_holders WHERE user_id = new.user_id;
END;
