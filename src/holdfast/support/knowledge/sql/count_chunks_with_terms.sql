-- In how many chunks each stemmed term of the JSON array :terms stands:
-- the larger of title and body, since a word may stand in titles alone.
SELECT value,
       max(
         coalesce((SELECT doc FROM kb_title_term WHERE term = value), 0),
         coalesce((SELECT doc FROM kb_body_term WHERE term = value), 0)
       )
FROM json_each(:terms);
