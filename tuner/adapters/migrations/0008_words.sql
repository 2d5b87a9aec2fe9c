-- The index of words, for scripts that put no spaces between words, too: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
--
-- * `searchable` is what is indexed of a message: its text, in which runs of letters of such scripts are replaced by
--   the terms that a query is made of, every two neighbouring letters of Chinese and Japanese and every three of the
--   others; the end of a run is shorter, so that a single letter is found by how terms begin. `tuner.text.terms` splits queries in the same way, with the same ranges of letters. SQLite's own
--   trigrams would find no word of two letters, which most Chinese ones are, and make the index of English five times as large.
-- * The index keeps no text of its own, and any program that changes a message keeps it right: all is done here.
-- * Vowel signs (M*) are letters: without them a word of Hindi or Thai ends at each.

DROP TRIGGER words_added;
DROP TRIGGER words_removed;
DROP TRIGGER words_changed;
DROP TABLE words;

CREATE VIEW searchable AS SELECT id, iif(
    content GLOB '*[⺀-⿟々-〇〡-〩ぁ-ゖゝ-ヺー-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𛀀-𛅯𠀀-𲎯ก-๎ກ-໎က-ဿၐ-ႏក-៓]*',
    (
        WITH RECURSIVE letters(rest) AS (
            SELECT substr(content, 1, 4000) -- the work grows with the square
            UNION ALL SELECT substr(rest, 2) FROM letters WHERE substr(rest, 2, 1) <> ''
        )
        SELECT group_concat(CASE
            WHEN rest GLOB '[⺀-⿟々-〇〡-〩ぁ-ゖゝ-ヺー-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𛀀-𛅯𠀀-𲎯][⺀-⿟々-〇〡-〩ぁ-ゖゝ-ヺー-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𛀀-𛅯𠀀-𲎯]*' THEN ' ' || substr(rest, 1, 2) || ' '
            WHEN rest GLOB '[ก-๎ກ-໎က-ဿၐ-ႏក-៓][ก-๎ກ-໎က-ဿၐ-ႏក-៓][ก-๎ກ-໎က-ဿၐ-ႏក-៓]*' THEN ' ' || substr(rest, 1, 3) || ' '
            WHEN rest GLOB '[ก-๎ກ-໎က-ဿၐ-ႏក-៓][ก-๎ກ-໎က-ဿၐ-ႏក-៓]*' THEN ' ' || substr(rest, 1, 2) || ' '
            WHEN rest GLOB '[⺀-⿟々-〇〡-〩ぁ-ゖゝ-ヺー-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𛀀-𛅯𠀀-𲎯ก-๎ກ-໎က-ဿၐ-ႏក-៓]*' THEN ' ' || substr(rest, 1, 1) || ' '
            ELSE substr(rest, 1, 1)
        END, '') FROM letters
    ),
    content
) AS content FROM messages WHERE content IS NOT NULL;

CREATE VIRTUAL TABLE words USING fts5 (
    content, content = '', tokenize = "porter unicode61 categories 'L* M* N* Co'"
);
INSERT INTO words (rowid, content) SELECT id, content FROM searchable;

CREATE TRIGGER words_added AFTER INSERT ON messages WHEN new.content IS NOT NULL BEGIN
    INSERT INTO words (rowid, content) SELECT id, content FROM searchable WHERE id = new.id;
END;
CREATE TRIGGER words_removed BEFORE UPDATE OF content ON messages WHEN old.content IS NOT NULL BEGIN
    INSERT INTO words (words, rowid, content) SELECT 'delete', id, content FROM searchable WHERE id = old.id;
END;
CREATE TRIGGER words_changed AFTER UPDATE OF content ON messages WHEN new.content IS NOT NULL BEGIN
    INSERT INTO words (rowid, content) SELECT id, content FROM searchable WHERE id = new.id;
END;
CREATE TRIGGER words_of_removed BEFORE DELETE ON messages WHEN old.content IS NOT NULL BEGIN
    INSERT INTO words (words, rowid, content) SELECT 'delete', id, content FROM searchable WHERE id = old.id;
END;
