-- Write one chunk. :document :position :headings :anchor :title :body
INSERT INTO kb_chunk (document, position, headings, anchor, title, body)
VALUES (:document, :position, :headings, :anchor, :title, :body);
