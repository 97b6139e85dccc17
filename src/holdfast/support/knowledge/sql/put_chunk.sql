-- Write one chunk. :document :position :headings :anchor :title :keywords :body
INSERT INTO kb_chunk (document, position, headings, anchor, title, keywords, body)
VALUES (:document, :position, :headings, :anchor, :title, :keywords, :body);
