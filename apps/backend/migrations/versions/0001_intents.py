"""Intents, and the notifications of their changes."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE intents (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            text text NOT NULL,
            state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'processing', 'done', 'failed')),
            result text,
            error text,
            attempts integer NOT NULL DEFAULT 0,
            synthetic boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            next_attempt_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON COLUMN intents.next_attempt_at IS
            'pending: not to be claimed earlier; processing: the end of the claim''s lease';

        CREATE INDEX intents_newest ON intents (created_at DESC, id DESC);
        CREATE INDEX intents_state ON intents (state);
        CREATE INDEX intents_due ON intents (next_attempt_at) WHERE state IN ('pending', 'processing');

        CREATE FUNCTION intents_touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.updated_at := now();
            RETURN NEW;
        END $$;
        CREATE TRIGGER intents_touch BEFORE UPDATE ON intents
            FOR EACH ROW EXECUTE FUNCTION intents_touch();

        CREATE FUNCTION intents_notify() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('intents', json_build_object('id', coalesce(NEW.id, OLD.id), 'op', lower(TG_OP))::text);
            RETURN NULL;
        END $$;
        CREATE TRIGGER intents_notify AFTER INSERT OR UPDATE OR DELETE ON intents
            FOR EACH ROW EXECUTE FUNCTION intents_notify();
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE intents;
        DROP FUNCTION intents_notify();
        DROP FUNCTION intents_touch();
        """
    )
