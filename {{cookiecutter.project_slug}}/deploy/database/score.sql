-- The function score(row) of PostgreSQL, which answers as the service does: docs of the template, "Score inside a database".
-- psql --set python=FOLDER/python --set model=FOLDER/model --file deploy/database/score.sql
-- plpython3u runs as the user of the server: a superuser creates the function, which reads these two folders alone.
create extension if not exists plpython3u;

select format(
$sql$
create or replace function score("row" jsonb) returns jsonb language plpython3u stable strict parallel safe as %L
$sql$,
format(
$python$
if "score" not in SD:  # once for each session
    import sys

    sys.path.insert(0, "{}/lib/python{}.{}/site-packages".format(%s, *sys.version_info[:2]))
    from mlgitops.batch.row_function import RowFunction

    SD["score"] = RowFunction(%s)
return SD["score"](row)
$python$, to_json(:'python'::text), to_json(:'model'::text))
) \gexec
